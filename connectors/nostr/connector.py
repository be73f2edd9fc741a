"""The connector: what is said to a key as a stream, and a way to answer."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import BaseModel, ValidationError

from connectors.nostr import notes, parse, schnorr
from connectors.nostr.config import NostrConfig
from connectors.nostr.notes import HEX, Note
from connectors.nostr.people import Known, read
from connectors.nostr.place import Place
from connectors.nostr.reading import Reader, reason_of
from connectors.nostr.relay import Relay, connected
from inbox.contract import (
    Action,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    LengthUnit,
    Permanent,
    Receipt,
    Rejected,
    Reply,
    Transient,
    Verification,
)

LONGEST = 16 * 1024  # bytes: relays take events of some ten kilobytes
KEY = "parley"  # a tag that says which reply it was; programs ignore those that they do not know


class Nostr:
    """One key on one relay."""

    name: ClassVar[str] = "nostr"
    title: ClassVar[str] = "Nostr"
    Config: ClassVar[type[BaseModel]] = NostrConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.SERVER,
        conversation_kinds=frozenset({ConversationKind.COMMENTS}),
        max_length=LONGEST,
        length_unit=LengthUnit.BYTES,
        deletes_in=True,
        history=True,
        actions=frozenset({Action.LIKE, Action.DELETE}),
        own_only=frozenset({Action.DELETE}),
        consequences={
            Action.DELETE: "Relays and programs are asked to forget it; some keep it.",
        },
    )

    def __init__(self, config: NostrConfig) -> None:
        self._config = config
        self._secret = bytes.fromhex(config.private_key.get_secret_value())
        self._me = schnorr.public_key(self._secret).hex()

    async def check(self) -> Author:
        """Ask the relay for our own profile."""
        async with connected(self._config.relay) as relay:
            return await Known(self._me).author(relay, self._me)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Everything after the cursor, then live, until the connection breaks."""
        reader = Reader(self._me, Place.read(cursor), self._config.history)
        async with connected(self._config.relay) as relay, aclosing(reader.read(relay)) as batches:
            async for batch in batches:
                yield batch
        raise Transient("The connection to the relay ended.")

    def reread(self, raw: bytes, received_at: datetime) -> Batch:  # noqa: ARG002  # a note names its time itself
        """A note that could not be read before joins the thread of the one it answers."""
        try:
            note = Note.model_validate(json.loads(raw))
        except ValidationError as error:
            return Batch(rejected=[Rejected(raw, reason_of(error))])
        except (ValueError, RecursionError):
            return Batch(rejected=[Rejected(raw, "It is not a payload that was kept.")])
        if note.kind != notes.NOTE or not note.is_genuine():
            return Batch()
        author = Author(note.pubkey, note.pubkey[:12], is_self=note.pubkey == self._me)
        return Batch([parse.message(note, parse.Thread(note.parent or note.id), author)])

    async def send(self, reply: Reply) -> Receipt:
        """Sign the answer and hand it in, unless the relay has it already."""
        if reply.private or reply.attachments:
            raise Permanent("Only words can be sent to Nostr, and only openly.")
        async with connected(self._config.relay) as relay:
            parent = await self._note(relay, reply.parent_id or reply.thread_id)
            found = await self._sent(relay, reply, parent.id)
            if found is not None:
                return found
            people = [key for key in dict.fromkeys([parent.pubkey, *parent.values("p")]) if key != self._me]
            marks = [["e", parent.root, "", "root"], ["e", parent.id, "", "reply"]] if parent.root else [["e", parent.id, "", "root"]]
            tags = [*marks, *(["p", key] for key in people), [KEY, reply.key]]
            event = notes.signed(self._secret, notes.NOTE, reply.text, tags)
            await relay.publish(event)
        return Receipt(event["id"], datetime.fromtimestamp(event["created_at"], UTC), parse.link(event["id"]))

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Look for a note of ours that says it is this reply."""
        async with connected(self._config.relay) as relay:
            return await self._sent(relay, reply, reply.parent_id or reply.thread_id)

    async def act(self, action: Action, message_id: str, text: str = "") -> None:  # noqa: ARG002  # no action here has words
        """Like a message, or ask everybody to forget one of ours; doing it again does nothing more."""
        async with connected(self._config.relay) as relay:
            if action is Action.LIKE:
                note = await self._note(relay, message_id)
                mine = {"kinds": [notes.REACTION], "authors": [self._me], "#e": [note.id]}
                if not await read(await relay.query(mine)):
                    await relay.publish(notes.signed(self._secret, notes.REACTION, "+", [["e", note.id], ["p", note.pubkey]]))
            elif action is Action.DELETE:
                there = await read(await relay.query({"ids": [message_id]}))
                if there and there[0].pubkey != self._me:
                    raise Permanent("Only what this account has said can be deleted.")
                if there:
                    await relay.publish(notes.signed(self._secret, notes.DELETION, "", [["e", message_id], ["k", str(notes.NOTE)]]))
            else:
                raise Permanent("Nostr does not know this action.")

    async def aclose(self) -> None:
        """Nothing stays open between two calls."""

    async def _note(self, relay: Relay, name: str) -> Note:
        found = await read(await relay.query({"ids": [name]})) if HEX.fullmatch(name) else []
        if not found:
            raise Permanent("The relay does not have the message that is answered.")
        return found[0]

    async def _sent(self, relay: Relay, reply: Reply, parent: str) -> Receipt | None:
        for note in await read(await relay.query({"kinds": [notes.NOTE], "authors": [self._me], "#e": [parent]})):
            if [KEY, reply.key] in note.tags:
                return Receipt(note.id, parse.moment(note), parse.link(note.id))
        return None
