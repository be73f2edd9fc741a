"""The connector: an account's rooms as a stream, and a way to answer in them."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import BaseModel

from connectors.matrix import compose, ids
from connectors.matrix.config import MatrixConfig
from connectors.matrix.homeserver import Homeserver, Refusal, escape
from connectors.matrix.place import Place
from connectors.matrix.reading import Reader, reread
from connectors.matrix.rooms import as_text, link, local
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
    Reply,
    Transient,
    Verification,
)

LONGEST = 48 * 1024  # bytes of a text: an event has 64 KiB with everything around it, and JSON writes some characters longer
LIKE = "👍"


class Matrix:
    """One account on a homeserver: rooms, threads and direct chats."""

    name: ClassVar[str] = "matrix"
    title: ClassVar[str] = "Matrix"
    Config: ClassVar[type[BaseModel]] = MatrixConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.SERVER,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=LONGEST,
        length_unit=LengthUnit.BYTES,
        idempotent_send=True,
        edits_in=True,
        deletes_in=True,
        history=True,
        attachments=True,
        actions=frozenset({Action.LIKE, Action.DELETE, Action.EDIT}),
        own_only=frozenset({Action.EDIT}),
        consequences={
            Action.LIKE: "A 👍 that everybody in the room sees.",
            Action.DELETE: "The words are removed for everybody; that something stood there stays visible.",
            Action.EDIT: "Everybody sees the new words, and that they were changed.",
        },
    )

    def __init__(self, config: MatrixConfig) -> None:
        self._config = config
        self._homeserver = Homeserver(config)
        self._encrypted: set[str] = set()  # a room that is encrypted stays so
        self._me = ""

    async def check(self) -> Author:
        """Ask the homeserver whose token it is."""
        user = await self._whoami()
        try:
            name = as_text((await self._homeserver.get(f"/profile/{escape(user)}")).get("displayname"))
        except Refusal:  # without a profile there is no name
            name = ""
        return Author(id=user, name=name or local(user), handle=user, is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Everything after the cursor, then live, by long poll."""
        place = Place.read(cursor)
        reader = Reader(self._homeserver, self._config, await self._whoami(), place)
        while True:
            async with aclosing(reader.batches()) as batches:
                async for batch in batches:
                    yield batch

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """An event that could not be read before."""
        return reread(raw, received_at, self._me)

    async def fetch_file(self, url: str) -> bytes:
        """The bytes of a file, which the homeserver gives only to somebody with a token."""
        return await self._homeserver.download(url)

    async def send(self, reply: Reply) -> Receipt:
        """Send the words, then each file as an event of its own. The reply's key is the transaction id: again is not twice."""
        room = compose.room(reply)
        await self._check_readable(room)
        contents = [compose.text(reply)] if reply.text or not reply.attachments else []
        for file in reply.attachments:  # all of them before the first event: what cannot be handed in keeps nothing back half-said
            contents.append(compose.file(file, await self._homeserver.upload(file.name, file.media_type, file.content or b"")))
        names = [
            await self._put(room, "m.room.message", ids.part(reply.key, number), compose.relate(content, reply, is_answer=not number))
            for number, content in enumerate(contents)
        ]
        return Receipt(ids.join(room, names[0]), datetime.now(UTC), link(room, names[0]))

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Like, take back or edit a message; doing it again does nothing more."""
        room, event = ids.split(message_id)
        key = hashlib.sha256(f"{action}\n{message_id}\n{text}".encode()).hexdigest()[:32]
        if action is Action.LIKE:
            relation = {"rel_type": "m.annotation", "event_id": event, "key": LIKE}
            await self._act(self._put(room, "m.reaction", key, {"m.relates_to": relation}), "M_DUPLICATE_ANNOTATION")
        elif action is Action.DELETE:
            await self._homeserver.change("PUT", f"/rooms/{escape(room)}/redact/{escape(event)}/{key}", {})
        elif action is Action.EDIT:
            await self._check_readable(room)
            words = {"msgtype": "m.text", "body": text}
            relation = {"rel_type": "m.replace", "event_id": event}
            await self._put(room, "m.room.message", key, words | {"body": f"* {text}", "m.new_content": words, "m.relates_to": relation})
        else:
            raise Permanent("Matrix does not know this action.")

    async def aclose(self) -> None:
        await self._homeserver.aclose()

    async def _act(self, doing: Any, done_before: str) -> None:
        try:
            await doing
        except Refusal as error:
            if error.code != done_before:
                raise

    async def _put(self, room: str, kind: str, key: str, content: dict[str, Any]) -> str:
        answer = await self._homeserver.change("PUT", f"/rooms/{escape(room)}/send/{kind}/{escape(key)}", content)
        name = as_text(answer.get("event_id"))
        if not name:
            raise Ambiguous("The homeserver took the message, but does not say under which name.")
        return name

    async def _check_readable(self, room: str) -> None:
        """Refuse to say openly what a room keeps among its members: Parley has no keys for encrypted rooms."""
        if room not in self._encrypted:
            try:
                state = await self._homeserver.get(f"/rooms/{escape(room)}/state/m.room.encryption")
            except Refusal as error:
                if error.status == 404:
                    return
                raise
            if not state.get("algorithm"):
                return
            self._encrypted.add(room)
        raise Permanent("The room is encrypted: an answer from here would be readable for everybody. Answer in a Matrix client.")

    async def _whoami(self) -> str:
        user = as_text((await self._homeserver.get("/account/whoami")).get("user_id"))
        if not user:
            raise Transient("The homeserver does not say whose access token it is.")
        self._me = user
        return user
