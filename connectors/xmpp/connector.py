"""The connector: an account's chats and rooms as a stream, and a way to answer in them."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import BaseModel

from connectors import http, sharing
from connectors.sharing import Shared
from connectors.xmpp import archive, compose, ids, parse, stanzas, upload
from connectors.xmpp.archive import Told
from connectors.xmpp.compose import Target
from connectors.xmpp.config import XmppConfig
from connectors.xmpp.connection import Connection
from connectors.xmpp.place import Place
from connectors.xmpp.reading import Reader
from connectors.xmpp.rooms import Room
from connectors.xmpp.said import Ours
from inbox.contract import (
    Action,
    Ambiguous,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    LengthUnit,
    Permanent,
    Receipt,
    Rejected,
    Reply,
    Verification,
)

LONGEST = 32 * 1024  # bytes of a text: many servers take stanzas of 64 KiB, and XML writes some characters longer
PAGES_BACK = 5  # of an archive in which a message of ours is looked for


class Xmpp:
    """One account on a server: direct chats, and the rooms that its settings name."""

    name: ClassVar[str] = "xmpp"
    title: ClassVar[str] = "XMPP"
    Config: ClassVar[type[BaseModel]] = XmppConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.SERVER,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=LONGEST,
        length_unit=LengthUnit.BYTES,
        edits_in=True,
        deletes_in=True,
        history=True,
        attachments=True,
        actions=frozenset({Action.LIKE, Action.EDIT, Action.DELETE, Action.PRIVATE_REPLY}),
        own_only=frozenset({Action.EDIT, Action.DELETE}),
        consequences={
            Action.LIKE: "A 👍 that everybody there sees.",
            Action.DELETE: "Clients are asked to remove the words. Old ones keep them, and so may the archive.",
            Action.EDIT: "Everybody sees the new words, and that they were changed. Old clients show both.",
        },
    )

    def __init__(self, config: XmppConfig) -> None:
        self._config = config
        self._shared: Shared[Connection] | None = None
        self._files = http.Client("The server's file store")

    async def check(self) -> Author:
        """Sign in, and be in the rooms."""
        connection = await self._connected()
        for refused in connection.refused.values():
            raise refused
        return Author(connection.account, self._config.nickname, handle=connection.account, is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """What the archives have after the cursor, then live."""
        place = Place.read(cursor)
        connection = await self._connected()
        for refused in connection.refused.values():
            raise refused
        reader = Reader(connection, place, self._config.history, is_new=cursor is None)
        async with aclosing(reader.batches()) as batches:
            async for batch in batches:
                yield batch

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """A message that could not be read before. One without a time has ours."""
        try:
            kept = json.loads(raw)
            stanza, at = stanzas.read(kept["stanza"]), kept["at"] or received_at.isoformat()
            told = Told(stanza, kept["archive"], kept["entry"], at)
            rooms = {address: Room(address, self._config.nickname) for address in self._config.room_addresses}
            return Batch([parse.read(told, Ours(self._config.address, rooms)).event])
        except (ValueError, TypeError, KeyError, parse.Passed) as error:
            return Batch(rejected=[Rejected(raw, f"{type(error).__name__}: {error}")])

    async def send(self, reply: Reply) -> Receipt:
        """The words, then each file as a message of its own, all at once: files are handed in before."""
        connection = await self._connected()
        where = _enterable(compose.target(reply, connection.rooms), connection)
        messages = [compose.words(where, reply, connection.account)] if reply.text or not reply.attachments else []
        if reply.attachments:
            store = await upload.find(connection, self._config.domain)
            links = [await store.put(connection, self._files, file) for file in reply.attachments]
            first = len(messages)
            messages += [compose.file(where, ids.part(reply.key, number), link) for number, link in enumerate(links, first)]
        answer = await connection.deliver(where.address, reply.key, *messages)
        if where.room is None:
            return Receipt(ids.join(ids.OUT, reply.key, where.address), datetime.now(UTC))
        entry = archive.heard(answer, connection).entry if answer is not None else ""
        return Receipt(ids.join(ids.ROOM, entry or reply.key, where.address), datetime.now(UTC))

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Look in the archive for a message of ours with the reply's key."""
        connection = await self._connected()
        where = compose.target(reply, connection.rooms)
        has_archive = where.room.has_archive if where.room is not None else connection.has_archive
        if not has_archive:
            raise Ambiguous("The server keeps no archive in which the message could be looked for.")
        found = await self._ours(connection, where, reply.key, by_entry=False)
        if found is None:
            return None
        name = ids.join(ids.ROOM, found.entry, where.address) if where.room is not None else ids.join(ids.OUT, reply.key, where.address)
        return Receipt(name, found.moment())

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Like, edit or take back. It says how the message shall be: twice is the same as once."""
        connection, about = await self._connected(), ids.split(message_id)
        where = _enterable(compose.of_message(about, connection.rooms), connection)
        if action is Action.LIKE:
            message = compose.reaction(where, about)
        elif action is Action.DELETE:
            message = compose.retraction(where, about)
        elif action is Action.EDIT:
            message = compose.correction(where, await self._called(connection, where, about), about, text)
        else:
            raise Permanent("XMPP does not know this action.")
        await connection.deliver(where.address, message.get("id", ""), message)

    async def aclose(self) -> None:
        await self._files.aclose()
        if self._shared is not None:
            shared, self._shared = self._shared, None
            await sharing.give_back(self._config, shared)

    async def _called(self, connection: Connection, where: Target, about: ids.Name) -> str:
        """How our client called a message: a correction names it so, in a room too."""
        if where.room is None:
            return about.id
        found = await self._ours(connection, where, about.id, by_entry=True) if where.room.has_archive else None
        if found is None:
            raise Permanent("The message is too old: the room's archive does not show it any more.")
        return found.client_id

    async def _ours(self, connection: Connection, where: Target, name: str, *, by_entry: bool) -> Told | None:
        """A message of ours in an archive, by the archive's name for it or ours."""
        ours = Ours(connection.account, connection.rooms)
        address = where.address if where.room is not None else ""
        person = "" if address else where.address
        async with aclosing(archive.back(connection, address, "", person, PAGES_BACK)) as entries:
            async for entry in entries:
                if name == (entry.entry if by_entry else entry.client_id) and parse.said.of(entry, ours).author.is_self:
                    return entry
        return None

    async def _connected(self) -> Connection:
        if self._shared is None:
            self._shared = sharing.take(self._config, lambda: Connection(self._config))
        return await self._shared.connected()


def _enterable(where: Target, connection: Connection) -> Target:
    """Nobody speaks in a room that has not let us in."""
    if where.address in connection.refused:
        raise connection.refused[where.address]
    return where
