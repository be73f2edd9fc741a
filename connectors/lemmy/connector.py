"""The connector: an account's answers, mentions and private messages as a stream, and a way to answer them."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

from pydantic import BaseModel, ValidationError

from connectors.lemmy import parse
from connectors.lemmy.config import LemmyConfig
from connectors.lemmy.place import Place
from connectors.lemmy.reading import LIMIT, Reader, reason, view_of
from connectors.lemmy.server import Json, Refusal, Server
from connectors.lemmy.shapes import Person, Private, View
from inbox.contract import (
    Action,
    Ambiguous,
    AuthError,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    Permanent,
    Receipt,
    Rejected,
    Reply,
    Transient,
    Verification,
)

INTERVAL = 30.0  # seconds between two looks
NOBODY = Person(id=0, name="")


class Lemmy:
    """One account on Lemmy."""

    name: ClassVar[str] = "lemmy"
    title: ClassVar[str] = "Lemmy"
    Config: ClassVar[type[BaseModel]] = LemmyConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=10_000,
        edits_in=True,
        deletes_in=True,
        history=True,
        attachments=True,
        max_attachment_bytes=4 * 1024 * 1024,
        actions=frozenset({Action.LIKE, Action.EDIT, Action.DELETE, Action.HIDE, Action.UNHIDE, Action.PRIVATE_REPLY}),
    )

    def __init__(self, config: LemmyConfig) -> None:
        self._config = config
        self._server = Server(config)
        self._me: Person | None = None

    async def check(self) -> Author:
        """Ask the server whose token it is, and whether the community is there."""
        me = await self._whoami()
        await self._community_id()
        return parse.author(me, me)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Everything after the cursor, then a look every so often."""
        place, community = Place.read(cursor), await self._community_id()
        reader = Reader(self._server, await self._whoami(), place, self._config.history, self._config.community, community)
        while True:
            async with aclosing(reader.look()) as batches:
                async for batch in batches:
                    yield batch
            await asyncio.sleep(INTERVAL * random.uniform(0.9, 1.1))  # noqa: S311  # not a secret

    def reread(self, raw: bytes, received_at: datetime) -> Batch:  # noqa: ARG002  # an entry names its time itself
        """An entry that could not be read before."""
        try:
            return Batch([parse.message(view_of(json.loads(raw)), self._me or NOBODY)])
        except ValidationError as error:
            return Batch(rejected=[Rejected(raw, reason(error))])
        except (ValueError, TypeError, RecursionError):
            return Batch(rejected=[Rejected(raw, "It is not a payload that was kept.")])

    async def send(self, reply: Reply) -> Receipt:
        """Comment under what is answered, or write in private."""
        kind, number = _answered(reply)
        pictures = [f"![{file.name.translate({91: ' ', 93: ' '})}]({await self._server.upload(file)})" for file in reply.attachments]
        content = "\n\n".join([*([reply.text] if reply.text else []), *pictures])
        if reply.thread_id.startswith("person/"):
            return await self._write(reply.thread_id.partition("/")[2], content)
        if kind == "post" and not reply.private:
            return await self._comment(content, int(number), None)
        above = await self._view(kind, number)
        if reply.private:
            return await self._write(str(above.creator.id), content)
        return await self._comment(content, above.post.id, above.comment.id if above.comment else None)

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Our comment with these very words right under what is answered."""
        kind, number = _answered(reply)
        if reply.private or reply.thread_id.startswith("person/"):
            raise Permanent("Whether a private message was sent cannot be looked up: the same words may have been sent before.")
        asked: dict[str, str | int] = {"sort": "New", "type_": "All", "limit": LIMIT, "max_depth": 1}
        asked |= {"post_id": number} if kind == "post" else {"parent_id": number}
        me = await self._whoami()
        for told in cast("list[Json]", (await self._server.get("comment/list", asked)).get("comments") or []):
            view = View.model_validate(told)
            said, wanted = view.comment.content.split() if view.comment else [], reply.text.split()
            is_right_under = view.comment is not None and view.comment.path.split(".")[-2] == (number if kind != "post" else "0")
            if view.creator.id == me.id and is_right_under and (said[: len(wanted)] if reply.attachments else said) == wanted:
                return _receipt(view)
        return None

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Like, edit or delete; moderators hide and show again."""
        kind, _, number = message_id.partition("/")
        if kind not in {"comment", "post"}:
            raise Permanent("Lemmy does not know this action for private messages.")
        about: Json = {f"{kind}_id": int(number)}
        if action is Action.LIKE:
            await self._server.change("POST", f"{kind}/like", about | {"score": 1})
        elif action is Action.DELETE:
            await self._server.change("POST", f"{kind}/delete", about | {"deleted": True})
        elif action in {Action.HIDE, Action.UNHIDE}:
            await self._server.change("POST", f"{kind}/remove", about | {"removed": action is Action.HIDE})
        elif action is Action.EDIT:
            await self._server.change("PUT", kind, about | {"content" if kind == "comment" else "body": text})
        else:
            raise Permanent("Lemmy does not know this action.")

    async def aclose(self) -> None:
        await self._server.aclose()

    async def _whoami(self) -> Person:
        if self._me is None:
            told: Any = (await self._server.get("site")).get("my_user")
            if not told:
                raise AuthError("The server does not accept the token.")
            try:
                self._me = Person.model_validate(told["local_user_view"]["person"])
            except (ValidationError, TypeError, KeyError):
                raise Transient("The server does not say whose token it is.") from None
        return self._me

    async def _community_id(self) -> int | None:
        if not self._config.community:
            return None
        told: Any = (await self._server.get("community", {"name": self._config.community})).get("community_view")
        try:
            return int(told["community"]["id"])
        except (TypeError, KeyError, ValueError):
            raise Transient("The server does not say which community that is.") from None

    async def _view(self, kind: str, number: str) -> View:
        try:
            return View.model_validate((await self._server.get(kind, {"id": number})).get(f"{kind}_view"))
        except Refusal as error:
            gone = "couldnt_find" in error.code or error.code == "not_found"
            raise Permanent("What is answered is not there any more.") if gone else error from None
        except ValidationError:
            raise Transient("The server answered with something that cannot be read.") from None

    async def _comment(self, content: str, post: int, parent: int | None) -> Receipt:
        shape: Json = {"content": content, "post_id": post} | ({"parent_id": parent} if parent is not None else {})
        told = await self._server.change("POST", "comment", shape)
        try:
            return _receipt(View.model_validate(told.get("comment_view")))
        except ValidationError:
            raise Ambiguous("The server took the reply, but does not say what became of it.") from None

    async def _write(self, person: str, content: str) -> Receipt:
        told = await self._server.change("POST", "private_message", {"content": content, "recipient_id": int(person)})
        try:
            view = Private.model_validate(told.get("private_message_view"))
        except ValidationError:
            raise Ambiguous("The server took the message, but does not say what became of it.") from None
        return Receipt(parse.name(view), view.message.published)


def _answered(reply: Reply) -> tuple[str, str]:
    """What is answered: its kind and its number."""
    kind, _, number = (reply.parent_id or reply.thread_id).rpartition("/")
    return kind or "comment", number


def _receipt(view: View) -> Receipt:
    said = parse.entry(view)
    return Receipt(parse.name(view), min(said.published, datetime.now(UTC)), said.ap_id)
