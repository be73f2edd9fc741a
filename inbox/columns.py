"""Lists packed as columns: an array parameter in one go instead of element by element, for speed alone (docs/performance.md)."""

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from typing import Any

from psycopg.adapt import PyFormat
from psycopg.types.array import ListBinaryDumper

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's
MICROSECOND = timedelta(microseconds=1)
BIGINT = 1 << 62
LENGTH, NUMBER = struct.Struct(">i"), struct.Struct(">iq")  # elements of an array: their length, then their bytes
NULL = LENGTH.pack(-1)
TRUTHS = {True: LENGTH.pack(1) + b"\x01", False: LENGTH.pack(1) + b"\x00", None: NULL}


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
