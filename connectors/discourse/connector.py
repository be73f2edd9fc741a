"""The connector: a forum's posts as a stream and by webhook, and a way to answer them."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

from pydantic import BaseModel, ValidationError

from connectors import markup
from connectors.discourse import compose, hooks, parse
from connectors.discourse.config import DiscourseConfig
from connectors.discourse.forum import Forum, Json, Refusal
from connectors.discourse.place import Place
from connectors.discourse.reading import PRIVATE, PUBLIC, Looker
from connectors.discourse.shapes import Post
from inbox.contract import (
    Action,
    Ambiguous,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    Permanent,
    Receipt,
    Refused,
    Reply,
    Request,
    Response,
    Transient,
    Verification,
)

INTERVAL = 30.0  # seconds between two looks
LIKE = 2  # the forum's number for it
LOOKED_AT = 10  # of a topic's last posts, to find one of ours again
AT_ONCE = 20  # posts of a topic
LONGEST_TITLE = 250  # characters


class Discourse:
    """One forum."""

    name: ClassVar[str] = "discourse"
    title: ClassVar[str] = "Discourse"
    Config: ClassVar[type[BaseModel]] = DiscourseConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=32_000,
        edits_in=True,
        deletes_in=True,
        history=True,
        attachments=True,
        max_attachment_bytes=4 * 1024 * 1024,
        actions=frozenset({Action.LIKE, Action.UNHIDE, Action.EDIT, Action.DELETE, Action.PRIVATE_REPLY}),
    )

    def __init__(self, config: DiscourseConfig) -> None:
        self._config = config
        self._forum = Forum(config)
        self._reader = parse.Reader(config.forum, config.username)

    async def check(self) -> Author:
        """Ask the forum whose key it is (https://meta.discourse.org/t/discourse-api-documentation/22706)."""
        told: Any = (await self._forum.get("/session/current.json")).get("current_user")
        if not isinstance(told, dict):
            raise Transient("The forum does not say whose API key it is.")
        me = cast("Json", told)
        return Author(self._config.username.casefold(), str(me.get("name") or me.get("username")), str(me.get("username")), is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Everything after the cursor, then a look every so often: what a webhook lost comes this way."""
        lists = [PUBLIC, PRIVATE] if self._config.private_messages else [PUBLIC]
        looker = Looker(self._forum, self._reader, Place.read(cursor), self._config.history, lists)
        while True:
            async with aclosing(looker.look()) as batches:
                async for batch in batches:
                    yield batch
            await asyncio.sleep(INTERVAL * random.uniform(0.9, 1.1))  # noqa: S311  # not a secret

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """Verify the signature over the raw bytes, then read."""
        if request.method != "POST":
            raise Refused("Send signed POST requests here.", 405)
        hooks.verify(self._config.webhook_secret.get_secret_value(), request.headers, request.body)
        return Response(200), {"": hooks.read(self._reader, request)}

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """An event that could not be read before."""
        return hooks.reread(self._reader, raw, received_at)

    async def send(self, reply: Reply) -> Receipt:
        """Post into the topic, as an answer to the post; or, in private, begin a message to who wrote it."""
        topic, number = compose.place(reply)
        words = await compose.words(self._forum, reply)
        if reply.private:
            title = f"Re: {(await self._forum.get(f'/t/{topic}.json')).get('title', '')}"[:LONGEST_TITLE]
            who = (await self._named(f"{topic}/{number}")).username
            shape: Json = {"title": title, "target_recipients": who, "archetype": "private_message"}
        else:
            shape = {"topic_id": int(topic) if topic.isdecimal() else topic} | ({"reply_to_post_number": number} if number else {})
        try:
            told = await self._forum.change("POST", "/posts.json", {**shape, "raw": words})
        except Refusal as error:  # "too similar to what you recently posted" says so too
            there = await self.find_sent(reply) if error.status == 422 and not reply.private else None
            if there is None:
                raise
            return there
        if told.get("action") == "enqueued":
            pending: Any = told.get("pending_post") or {}
            return Receipt(f"pending:{pending.get('id', reply.key)}", datetime.now(UTC))
        return self._receipt(told)

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """A post of ours with these very words among the topic's last ones."""
        if reply.private:
            raise Permanent("A message that begins a private talk cannot be looked up.")
        stream: Any = (await self._forum.get(f"/t/{compose.place(reply)[0]}.json")).get("post_stream") or {}
        for number in list(stream.get("stream") or [])[-LOOKED_AT:]:
            post = await self._post(f"/posts/{number}.json")
            is_ours = post.username.casefold() == self._config.username.casefold()
            said, wanted = post.raw.split(), reply.text.split()
            if is_ours and (said[: len(wanted)] if reply.attachments else said) == wanted:
                return self._receipt(post.model_dump(mode="json"))
        return None

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Like, edit or delete a post; show one again that members' flags have hidden."""
        number = (await self._named(message_id)).id
        if action is Action.LIKE:
            await self._forum.change("POST", "/post_actions.json", {"id": number, "post_action_type_id": LIKE})
        elif action is Action.EDIT:
            await self._forum.change("PUT", f"/posts/{number}.json", {"post": {"raw": text}})
        elif action is Action.UNHIDE:
            await self._forum.change("PUT", f"/posts/{number}/unhide.json")
        elif action is Action.DELETE:
            await self._forum.change("DELETE", f"/posts/{number}.json")
        else:
            raise Permanent("Discourse does not know this action.")

    async def counts(self, post_id: str) -> int:
        """How many posts the topic has, the one that began it among them."""
        return int((await self._forum.get(f"/t/{post_id}.json")).get("posts_count") or 0)

    async def listed(self, post_id: str) -> AsyncGenerator[Batch]:
        """All posts of a topic, oldest first."""
        topic = await self._forum.get(f"/t/{post_id}.json")
        stream: Any = topic.get("post_stream") or {}
        numbers = cast("list[Any]", stream.get("stream") or [])
        for start in range(0, len(numbers), AT_ONCE):
            asked = {"post_ids[]": numbers[start : start + AT_ONCE], "include_raw": "true"}
            told: Any = (await self._forum.get(f"/t/{post_id}/posts.json", asked)).get("post_stream") or {}
            batches = [self._listed(entry, topic) for entry in cast("list[Json]", told.get("posts") or [])]
            yield Batch(
                [event for batch in batches for event in batch.events], rejected=[one for batch in batches for one in batch.rejected]
            )

    def _listed(self, entry: Json, topic: Json) -> Batch:
        known = {
            "topic_title": topic.get("title"),
            "topic_archetype": topic.get("archetype"),
            "raw": markup.words(str(entry.get("cooked"))),
        }
        body = hooks.kept("post_created", hooks.dump({"post": {**known, **entry}}))
        return hooks.reread(self._reader, body, datetime.now(UTC))

    async def aclose(self) -> None:
        await self._forum.aclose()

    async def _named(self, name: str) -> Post:
        topic, _, number = name.partition("/")
        return await self._post(f"/posts/by_number/{topic}/{number}.json")

    async def _post(self, path: str) -> Post:
        try:
            return Post.model_validate(await self._forum.get(path))
        except Refusal as error:
            raise Permanent("The post is not there any more.") if error.status in {404, 410} else error from None
        except ValidationError:
            raise Transient("The forum answered with a post that cannot be read.") from None

    def _receipt(self, told: Json) -> Receipt:
        try:
            post = Post.model_validate({"raw": "", "username": "", **told})
        except ValidationError:
            raise Ambiguous("The forum took the reply, but does not say what became of it.") from None
        return Receipt(post.name_in_topic, post.created_at, f"{self._config.forum}/t/{post.topic_slug or '-'}/{post.name_in_topic}")
