"""The account as a stream of batches: what the archives have after a place, then whatever comes.

What comes live is the bell, the archive is the truth: whenever something was said, its archive is read on from the place. So the order is
the archive's, and nothing is lost or there twice. What an archive does not keep is taken as it came.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element

from connectors.xmpp import archive, entering, parse
from connectors.xmpp.archive import Page, Told
from connectors.xmpp.connection import Connection
from connectors.xmpp.parse import Passed
from connectors.xmpp.place import Place, Read
from connectors.xmpp.refusals import Refusal
from connectors.xmpp.resolving import Resolver
from connectors.xmpp.stanzas import written
from inbox.contract import Batch, Event, Rejected, Transient

QUIET = 300.0  # seconds after which everything is looked at, heard or not
SLOW = 1.0  # seconds that an archive may need to write down what it has named already
AT_ONCE = 200


@dataclass(slots=True)
class _Pieces:
    events: list[Event] = field(default_factory=list[Event])
    rejected: list[Rejected] = field(default_factory=list[Rejected])
    passed: Counter[str] = field(default_factory=Counter[str])

    def batch(self, place: Place, *, gap: bool = False) -> Batch:
        return Batch(self.events, place.cursor(), gap=gap, rejected=self.rejected, passed_over=self.passed)


class Reader:
    """One stream of an account."""

    def __init__(self, connection: Connection, place: Place, history: int, *, is_new: bool) -> None:
        self._connection, self._place, self._history, self._is_new = connection, place, history, is_new
        kept = [room.address for room in connection.rooms.values() if room.has_archive]
        self._archives = ([""] if connection.has_archive else []) + kept
        self._resolver = Resolver(connection, self._archives)

    async def batches(self) -> AsyncGenerator[Batch]:
        heard = self._connection.listen()  # before the archives are read: nothing falls between
        is_forgetful = len(self._archives) < 1 + len(self._connection.rooms)
        try:
            yield Batch(cursor=self._place.cursor(), gap=is_forgetful and not self._is_new)
            async for batch in self._catch_up(self._archives):
                yield batch
            while True:
                told = await self._next(heard)
                async with aclosing(self._hear(told) if told else self._look_around()) as batches:
                    async for batch in batches:
                        yield batch
        finally:
            self._connection.stop_listening(heard)

    async def _next(self, heard: "asyncio.Queue[Element | None]") -> list[Told]:
        """What has come, at least one; none after a long silence."""
        found: list[Element | None] = []
        try:
            async with asyncio.timeout(QUIET):
                found.append(await heard.get())
        except TimeoutError:
            return []
        while len(found) < AT_ONCE and not heard.empty():
            found.append(heard.get_nowait())
        if None in found:
            raise Transient("The connection to the server broke.")
        return [archive.heard(stanza, self._connection) for stanza in found if stanza is not None]

    async def _look_around(self) -> AsyncGenerator[Batch]:
        """Whether the rooms still have us, and something was not told."""
        for room in self._connection.rooms.values():
            if not await entering.is_in(self._connection, room):
                raise Transient("We are not in a room any more.")
        async for batch in self._catch_up(self._archives):
            yield batch

    async def _hear(self, told: Sequence[Told]) -> AsyncGenerator[Batch]:
        """What was said, in the archives' words where they have it."""
        worth = [one for one in told if one.entry or self._reason(one) is None]  # nobody looks anything up because somebody types
        async for batch in self._catch_up(self._rung(worth)):
            yield batch
        late = self._rung(one for one in worth if one.entry)
        if late:
            await asyncio.sleep(SLOW)
            async for batch in self._catch_up(late):
                yield batch
        pieces = _Pieces()
        for one in told:
            if not self._resolver.is_met(one):
                await self._take(one, pieces)
        if pieces.events or pieces.rejected or pieces.passed:
            yield pieces.batch(self._place)

    def _rung(self, told: Iterable[Told]) -> list[str]:
        """The archives that should have what they have not told yet."""
        rung = {one.archive for one in told if not self._resolver.is_met(one)}
        return [name for name in self._archives if name in rung]

    def _reason(self, told: Told) -> str | None:
        """Why a message means nothing here; None when it does."""
        try:
            parse.read(told, self._resolver.ours)
        except Passed as passed:
            return str(passed)
        except ValueError:
            pass
        return None

    async def _catch_up(self, archives: Collection[str]) -> AsyncGenerator[Batch]:
        for name in archives:
            async with aclosing(self._pages(name)) as pages:
                async for page, gap in pages:
                    pieces, before = _Pieces(), self._place.cursor()
                    for entry in page.entries:
                        if not self._resolver.is_met(entry):
                            await self._take(entry, pieces)
                    self._place.archives[name] = Read(page.last, page.at) if page.last else self._place.archives.get(name, Read())
                    if self._place.cursor() != before or gap:
                        yield pieces.batch(self._place, gap=gap)

    async def _pages(self, name: str) -> AsyncGenerator[tuple[Page, bool]]:
        """Page by page from the place, oldest first; whether something before it is gone."""
        read = self._place.archives.get(name)
        if read is None:
            for page in await self._history_of(name):
                yield page, False
            return
        after, start, gap = read.id, "", False
        while True:
            try:
                page = await archive.page(self._connection, name, after=after, start=start)
            except Refusal as error:
                if error.condition != "item-not-found" or not after:
                    raise
                after, start, gap = "", read.at, True  # the archive has forgotten the place: from that time on it may know more
                continue
            yield page, gap
            gap = False
            if page.is_complete:
                return
            after = page.last

    async def _history_of(self, name: str) -> list[Page]:
        """The newest entries of an archive that was never read: a server may give fewer at once than are wanted."""
        newest = await archive.page(self._connection, name, before="", most=max(self._history, 1))
        pages, left = [newest], self._history - len(newest.entries)
        while left > 0 and not pages[0].is_complete:
            pages.insert(0, older := await archive.page(self._connection, name, before=pages[0].first, most=left))
            left -= len(older.entries)
        return pages if self._history else [replace(newest, entries=[])]

    async def _take(self, told: Told, pieces: _Pieces) -> None:
        """Read one; what cannot be read is kept, what means nothing is counted."""
        try:
            pieces.events.append(await self._resolver.read(told))
        except Passed as passed:
            pieces.passed[str(passed)] += 1
        except (ValueError, OverflowError) as error:
            kept = {"archive": told.archive, "entry": told.entry, "at": told.at, "stanza": written(told.stanza)}
            pieces.rejected.append(Rejected(json.dumps(kept).encode(), f"{type(error).__name__}: {error}"))
