"""What an event is about, and whether it may come from whom it comes: from memory, else from what the archive has before it."""

from collections.abc import Collection
from contextlib import aclosing
from dataclasses import replace

from connectors.xmpp import archive, ids, parse
from connectors.xmpp.archive import Told
from connectors.xmpp.connection import Connection
from connectors.xmpp.parse import About, Found, Passed
from connectors.xmpp.place import Memory
from connectors.xmpp.said import Ours
from inbox.contract import Event, EventKind

PAGES_BACK = 3  # in which a message is looked for


class Resolver:
    """What one stream remembers. `archives`: those that can be asked."""

    def __init__(self, connection: Connection, archives: Collection[str]) -> None:
        self.ours = Ours(connection.account, connection.rooms)
        self._connection, self._archives = connection, archives
        self._memory = Memory()

    def is_met(self, told: Told) -> bool:
        """Whether an archive has told it already."""
        if told.entry:
            return ids.event(told.archive, told.entry) in self._memory.met
        try:
            spoken = parse.said.of(told, self.ours)
        except ValueError:
            return False
        return (spoken.where, spoken.writer, told.client_id) in self._memory.called

    async def read(self, told: Told) -> Event:
        """The event of a message. Raises Passed, or ValueError when it cannot be read."""
        if told.entry:
            self._memory.meet(ids.event(told.archive, told.entry))
        found = parse.read(told, self.ours)
        event, spoken, about = found.event, found.said, found.about
        if about is not None:
            message_id = self._known(found, about)
            if message_id is None:
                await self._look_back(found, about)
                message_id = self._known(found, about)
            if message_id is None and spoken.room is not None:
                raise Passed("about a message that is not found, or somebody else's")
            event = replace(event, message_id=message_id or event.message_id)
        if event.kind in {EventKind.MESSAGE, EventKind.EDIT}:  # a correction may be corrected
            self._memory.note(spoken.where, spoken.writer, told.client_id, event.message_id)
        return event

    def _known(self, found: Found, about: About) -> str | None:
        spoken = found.said
        if about.is_called:
            writers = [about.writer] if about.writer else [spoken.other_side, spoken.side]
            named = (self._memory.called.get((spoken.where, writer, about.name)) for writer in writers)
            return next((name for name in named if name is not None), None)
        message_id = spoken.name(about.name)
        return message_id if self._memory.writers.get(message_id) == about.writer else None

    async def _look_back(self, found: Found, about: About) -> None:
        """Recall what was said before, until it is known what this is about."""
        told = found.said.told
        if told.archive not in self._archives:
            return
        person = "" if told.archive else found.said.where
        async with aclosing(archive.back(self._connection, told.archive, told.entry, person, PAGES_BACK)) as entries:
            async for entry in entries:
                try:
                    older = parse.read(entry, self.ours)
                except (Passed, ValueError):
                    continue
                if older.event.kind == EventKind.MESSAGE:
                    self._memory.recall(older.said.where, older.said.writer, entry.client_id, older.event.message_id)
                    if self._known(found, about) is not None:
                        return
