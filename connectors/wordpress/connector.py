"""The connector: a site's comments as a stream, and a way to answer and to moderate them."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel, ValidationError

from connectors.wordpress import compose, parse
from connectors.wordpress.config import WordPressConfig
from connectors.wordpress.pages import MANY
from connectors.wordpress.place import Place
from connectors.wordpress.reading import GONE, Reader, reason
from connectors.wordpress.shapes import Comment, User
from connectors.wordpress.site import Json, Refusal, Site
from connectors.wordpress.surroundings import Surroundings
from inbox.contract import (
    Action,
    Ambiguous,
    AuthError,
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

STATES = {Action.APPROVE: "approved", Action.UNHIDE: "approved", Action.HIDE: "hold", Action.SPAM: "spam"}
NOBODY = User(id="")
JITTER = (0.9, 1.1)  # of the time between two looks, so that many channels do not look at the same moment


class WordPress:
    """Comments of one WordPress site."""

    name: ClassVar[str] = "wordpress"
    title: ClassVar[str] = "WordPress"
    Config: ClassVar[type[BaseModel]] = WordPressConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.SERVER,
        conversation_kinds=frozenset({ConversationKind.COMMENTS}),
        max_length=60_000,  # WordPress takes 65,525, of which "&" and "<" are several
        length_unit=LengthUnit.BYTES,
        edits_in=True,
        deletes_in=True,
        history=True,
        actions=frozenset({*STATES, Action.DELETE, Action.EDIT}),
    )

    def __init__(self, config: WordPressConfig) -> None:
        self._config = config
        self._site = Site(config)
        self._me: User | None = None

    async def check(self) -> Author:
        """Ask the site whose password it is, and whether that user may moderate comments."""
        me = await self._whoami()
        if not me.capabilities.get("moderate_comments"):
            raise AuthError("This user may not moderate comments: take an editor or an administrator.")
        await self._site.list("comments", {"context": "edit", "status": "any", "per_page": 1})
        return Author(id=me.id, name=me.name or me.slug, handle=me.slug or None, is_self=True, roles=me.roles)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Everything after the cursor, then a look every so often."""
        reader = Reader(self._site, await self._whoami(), Place.read(cursor), self._config.history)
        while True:
            async with aclosing(reader.look()) as batches:
                async for batch in batches:
                    yield batch
            await asyncio.sleep(self._config.interval * random.uniform(*JITTER))  # noqa: S311  # not a secret

    def reread(self, raw: bytes, received_at: datetime) -> Batch:  # noqa: ARG002  # a comment names its time itself
        """A comment that could not be read before; it joins the thread of the one it answers."""
        try:
            comment = Comment.model_validate(json.loads(raw))
        except ValidationError as error:
            return Batch(rejected=[Rejected(raw, reason(error))])
        except (ValueError, RecursionError):
            return Batch(rejected=[Rejected(raw, "It is not a payload that was kept.")])
        return Batch([parse.message(comment, comment.parent_id or comment.id, None, self._me or NOBODY)])

    async def send(self, reply: Reply) -> Receipt:
        """Comment under the comment that is answered. One that waits is approved with it, as WordPress itself does."""
        if reply.attachments:
            raise Permanent("WordPress takes no files in comments.")
        parent = await self._comment(reply.parent_id or reply.thread_id)
        if parent.status == "hold":
            await self.act(Action.APPROVE, parent.id)
        shape = {"post": parent.post, "parent": parent.id, "content": compose.content(reply.text)}
        try:
            told = await self._site.change("POST", "comments", shape)
        except Refusal as error:
            there = await self.find_sent(reply) if error.code == "comment_duplicate" else None
            if there is None:
                raise
            return there
        try:
            sent = Comment.model_validate(told)
        except ValidationError:
            raise Ambiguous("The site took the reply, but does not say what became of it.") from None
        return _receipt(sent)

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Our comment with these very words under the comment that is answered."""
        me, parent = await self._whoami(), reply.parent_id or reply.thread_id
        words = compose.content(reply.text)
        params = {"context": "edit", "status": "any", "parent": parent, "author": me.id, "per_page": MANY, "orderby": "id"}
        entries, _ = await self._site.list("comments", params)
        for entry in entries:
            try:
                comment = Comment.model_validate(entry)
            except ValidationError:
                continue
            if comment.content.raw == words and comment.status != "trash":
                return _receipt(comment)
        return None

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Moderate a comment; doing it again does nothing more."""
        route = f"comments/{message_id}"
        if action is Action.EDIT:
            await self._site.change("POST", route, {"content": compose.content(text)})
        elif action is Action.DELETE:
            await self._trash(route)
        elif action not in STATES:
            raise Permanent("WordPress does not know this action.")
        elif (await self._comment(message_id)).status != STATES[action]:  # what is so already, WordPress refuses
            await self._site.change("POST", route, {"status": STATES[action]})

    async def counts(self, post_id: str) -> int:
        """How many comments the post has that are approved or wait."""
        _, total = await self._site.list("comments", {"context": "edit", "status": "all", "post": post_id, "per_page": 1})
        return total

    async def listed(self, post_id: str) -> AsyncGenerator[Batch]:
        """All comments of a post that are approved or wait, oldest first."""
        me, surroundings, page = await self._whoami(), Surroundings(self._site), 1
        asked: dict[str, Any] = {"context": "edit", "status": "all", "post": post_id, "orderby": "id", "order": "asc", "per_page": MANY}
        while True:
            entries, total = await self._site.list("comments", {**asked, "page": page})
            comments: list[Comment] = []
            rejected: list[Rejected] = []
            for entry in entries:
                try:
                    comments.append(Comment.model_validate(entry))
                except ValidationError as error:
                    rejected.append(Rejected(json.dumps(entry).encode(), reason(error)))
            await surroundings.find(comments)
            found = [parse.message(one, surroundings.root(one), surroundings.post(one), me, surroundings.roles(one)) for one in comments]
            yield Batch(found, rejected=rejected)
            if page * MANY >= total or not entries:
                return
            page += 1

    async def aclose(self) -> None:
        await self._site.aclose()

    async def _whoami(self) -> User:
        if self._me is None:
            told: Json = await self._site.get("users/me", {"context": "edit"})
            try:
                self._me = User.model_validate(told)
            except ValidationError:
                raise Transient("The site does not say whose password it is.") from None
        return self._me

    async def _comment(self, name: str) -> Comment:
        try:
            return Comment.model_validate(await self._site.get(f"comments/{name}", {"context": "edit"}))
        except Refusal as error:
            raise Permanent("The comment that is answered is not there any more.") if error.code == GONE else error from None
        except ValidationError:
            raise Transient("The site answered with a comment that cannot be read.") from None

    async def _trash(self, route: str) -> None:
        try:
            await self._site.change("DELETE", route)
        except Refusal as error:
            if error.code == "rest_trash_not_supported":
                await self._site.change("DELETE", route, params={"force": "true"})
            elif error.code not in {"rest_already_trashed", GONE}:
                raise


def _receipt(comment: Comment) -> Receipt:
    return Receipt(comment.id, comment.date_gmt, comment.link)
