"""Lists packed as columns: an array parameter in one go instead of element by element, for speed alone (docs/performance.md).

A plain list is looked at to find out what it holds. `Numbers`, `Texts`, `Times` and `Truths` say it themselves: that is cheaper, and their
statement stays the same statement when a column happens to be empty or all NULL.
"""

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from typing import Any, ClassVar

from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper, PyFormat
from psycopg.pq import Format
from psycopg.types.array import ListBinaryDumper

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's
MICROSECOND = timedelta(microseconds=1)
BIGINT = 1 << 62
HEAD = struct.Struct(">iiIii")  # of an array: dimensions, whether it holds NULL, the elements' type, how many, from which index on
EMPTY = struct.Struct(">iiI")
LENGTH, NUMBER = struct.Struct(">i"), struct.Struct(">iq")  # elements of an array: their length, then their bytes
NULL = LENGTH.pack(-1)
TRUTHS = {True: LENGTH.pack(1) + b"\x01", False: LENGTH.pack(1) + b"\x00", None: NULL}


class Numbers(list[int | None]):
    """bigint[]"""


class Texts(list[str | None]):
    """text[]"""


class Times(list[datetime | None]):
    """timestamptz[]"""


class Truths(list[bool | None]):
    """boolean[]"""


def register(context: AdaptContext) -> None:
    """Let this connection pack lists as columns."""
    context.adapters.register_dumper(list, ColumnDumper)
    for kind, dumper in ((Numbers, NumbersDumper), (Texts, TextsDumper), (Times, TimesDumper), (Truths, TruthsDumper)):
        context.adapters.register_dumper(kind, dumper)


class ColumnDumper(ListBinaryDumper):
    """A list as an array in one go. Numbers are always bigint, so that a statement stays the same statement whatever their size."""

    def _find_list_element(self, L: list[Any], format: PyFormat) -> Any:  # the driver's names
        kinds = set(map(type, L))
        return BIGINT if int in kinds and kinds <= {int, type(None)} else super()._find_list_element(L, format)

    def _dump_list(self, L: list[Any], dim: int, dims: list[int], data: list[Any]) -> int:  # same
        pack = PACK.get(self.sub_dumper.oid) if self.sub_dumper is not None and len(dims) == 1 else None
        if pack is None:
            return super()._dump_list(L, dim, dims, data)
        has_null = None in L
        data.append(pack(L, has_null))
        return int(has_null)


class _Dumper(Dumper):
    format = Format.BINARY
    element: ClassVar[int]

    def dump(self, obj: list[Any]) -> bytes:
        if not obj:
            return EMPTY.pack(0, 0, self.element)
        has_null = None in obj
        return HEAD.pack(1, has_null, self.element, len(obj), 1) + PACK[self.element](obj, has_null)


class NumbersDumper(_Dumper):
    oid, element = 1016, 20


class TextsDumper(_Dumper):
    oid, element = 1009, 25


class TimesDumper(_Dumper):
    oid, element = 1185, 1184


class TruthsDumper(_Dumper):
    oid, element = 1000, 16


def _numbers(column: Sequence[Any], has_null: bool) -> bytes:
    if has_null:
        return b"".join([NULL if number is None else NUMBER.pack(8, number) for number in column])
    return b"".join(map(NUMBER.pack, repeat(8), column))


def _texts(column: Sequence[Any], has_null: bool) -> bytes:
    if has_null:
        return b"".join([NULL if text is None else LENGTH.pack(len(data := text.encode())) + data for text in column])
    encoded = [text.encode() for text in column]
    return b"".join(chain.from_iterable(zip(map(LENGTH.pack, map(len, encoded)), encoded, strict=True)))


def _times(column: Sequence[Any], _: bool) -> bytes:
    """Many are equal: each is packed once."""
    packed = {at: NULL if at is None else NUMBER.pack(8, (at - EPOCH) // MICROSECOND) for at in set(column)}
    return b"".join(map(packed.__getitem__, column))


def _truths(column: Sequence[Any], _: bool) -> bytes:
    return b"".join(map(TRUTHS.__getitem__, column))


PACK: dict[int, Callable[[Sequence[Any], bool], bytes]] = {16: _truths, 20: _numbers, 25: _texts, 1184: _times}  # by the elements' oid
