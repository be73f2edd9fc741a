"""The connector: comments by polling and webhook, direct messages by webhook, and a way to answer both."""

from asyncio import sleep
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel, ValidationError

from connectors.polling import Pieces, kept, now, reason
from connectors.rest import Json, first, inner
from connectors.tiktok import parse, webhook
from connectors.tiktok.api import TikTokApi
from connectors.tiktok.config import TikTokConfig
from connectors.tiktok.place import Place
from connectors.tiktok.reading import Reader
from connectors.tiktok.shapes import Comment
from inbox.contract import (
    Action,
    Ambiguous,
    AuthError,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    Length,
    Permanent,
    Receipt,
    Rejected,
    Reply,
    Request,
    Response,
    Secrets,
    Standing,
    Verification,
)

PAUSE = 60.0  # seconds between two looks: 40 requests of a kind are allowed in a minute
RECENT = timedelta(hours=1)  # a doubtful reply was sent within this time
ACTIONS = {Action.LIKE: ("like", "LIKE"), Action.HIDE: ("hide", "HIDE"), Action.UNHIDE: ("hide", "UNHIDE")}
SCOPES = {"comment.list", "comment.list.manage"}


class TikTok:
    """One business account on TikTok."""

    name: ClassVar[str] = "tiktok"
    title: ClassVar[str] = "TikTok"
    Config: ClassVar[type[BaseModel]] = TikTokConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=150,
        other_lengths={ConversationKind.DIRECT: Length(6000)},
        deletes_in=True,
        history=True,
        window_hours=48,
        window_kinds=frozenset({ConversationKind.DIRECT}),  # comments can be answered at any time
        actions=frozenset({*ACTIONS, Action.DELETE}),
        own_only=frozenset({Action.DELETE}),
    )

    def __init__(self, config: TikTokConfig) -> None:
        self._config = config
        self._api = TikTokApi(config)

    @property
    def standing(self) -> Standing:
        return Standing(token_expires_at=self._api.tokens.refresh_ends_at)

    def lend(self, secrets: Secrets) -> None:
        self._api.tokens.lend(secrets)

    async def check(self) -> Author:
        """Ask whose account it is, and whether the grant is good for comments."""
        told = await self._api.get("business/get/", fields='["username","display_name","profile_image"]')
        scope = set(self._api.tokens.scope.replace(",", " ").split())
        if scope and not scope >= SCOPES:
            raise AuthError(f"The access lacks a permission: {', '.join(sorted(SCOPES - scope))}.")
        handle = str(told.get("username") or "")
        name = str(told.get("display_name") or handle or self._config.business_id)
        return Author(self._config.business_id, name, f"@{handle}" if handle else None, is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Look every minute."""
        reader = Reader(self._api, self._config.business_id, Place.read(cursor), self._config.history)
        while True:
            for batch in await reader.look():
                yield batch
            await sleep(PAUSE)

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """Direct messages come only this way; comments come sooner, and from older videos too."""
        return webhook.receive(request, self._config.app_secret.get_secret_value(), self._config.business_id)

    def reread(self, raw: bytes, received_at: datetime) -> Batch:  # noqa: ARG002  # everything names its time itself
        """Something that could not be read before: an entry of a list, or what was pushed."""
        try:
            kind, entry = kept(raw)
        except (ValueError, RecursionError):
            return webhook.opened(raw, self._config.business_id)[1]
        try:
            return Batch([parse.comment(Comment.model_validate(entry), None, self._config.business_id)] if kind == "comment" else [])
        except ValidationError as error:
            return Batch(rejected=[Rejected(raw, reason(error))])

    async def listed(self, post_id: str) -> AsyncGenerator[Batch]:
        """All comments of a video, the latest 500 at most."""
        pieces, me = Pieces(), self._config.business_id
        for comment in await Reader(self._api, me, Place(), 0).comments(post_id, pieces):
            pieces.events.append(parse.comment(comment, None, me))
        for batch in pieces.batches(None, ""):
            yield batch

    async def counts(self, post_id: str) -> int:
        """What TikTok says: answers count too."""
        told = first(await self._api.videos(1, only=post_id))
        if not isinstance(told.get("comments"), int):
            raise Permanent("TikTok does not say how many comments the video has.")
        return int(told["comments"])

    async def send(self, reply: Reply) -> Receipt:
        """Answer in a comment's thread, or in a direct conversation."""
        if reply.attachments:
            raise Permanent("Files are not offered for TikTok.")
        if reply.thread_id.startswith(parse.DIRECT):
            conversation = reply.thread_id.removeprefix(parse.DIRECT)
            content: Json = {
                "recipient_type": "CONVERSATION",
                "recipient": conversation,
                "message_type": "TEXT",
                "text": {"body": reply.text},
            }
            told = await self._api.change("business/message/send/", content)
            return Receipt(f"{parse.DIRECT}{_known(inner(told, 'message', 'message_id'))}", now())
        video, comment = _parts(reply.thread_id)
        told = await self._api.change("business/comment/reply/create/", {"video_id": video, "comment_id": comment, "text": reply.text})
        return Receipt(f"{video}/{_known(told.get('comment_id'))}", now())

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Our own latest words in that thread, if they are these. That they are not listed proves nothing."""
        if reply.thread_id.startswith(parse.DIRECT):
            raise Permanent("TikTok may have taken the message; it cannot be asked for it.")
        async for page in self._api.comments(*_parts(reply.thread_id)):
            for entry in page:
                try:
                    comment = Comment.model_validate(entry)
                except ValidationError:
                    continue
                if comment.owner and comment.text == reply.text and comment.create_time > now() - RECENT:
                    return Receipt(comment.name, comment.create_time)
        raise Permanent("TikTok does not list the reply; it may show it later.")

    async def act(self, action: Action, message_id: str, text: str = "") -> None:  # noqa: ARG002  # no action here has words
        """Like or hide a comment, or delete one of ours (https://business-api.tiktok.com/portal/docs?id=1762228474532865)."""
        video, comment = _parts(message_id)
        if action is Action.DELETE:
            await self._api.change("business/comment/delete/", {"comment_id": comment})
        elif action in ACTIONS:
            path, word = ACTIONS[action]
            await self._api.change(f"business/comment/{path}/", {"video_id": video, "comment_id": comment, "action": word})
        else:
            raise Permanent("TikTok does not know this action.")

    async def fetch_file(self, url: str) -> bytes:
        """A picture of a direct message."""
        conversation, message, media = ([*url.removeprefix(parse.SCHEME).split("|"), "", ""])[:3]
        return await self._api.picture(conversation, message, media)

    async def aclose(self) -> None:
        await self._api.aclose()


def _parts(name: str) -> tuple[str, str]:
    video, _, comment = name.partition("/")
    if not (video.isdecimal() and comment.isdecimal()):
        raise Permanent("This is no comment on TikTok.")
    return video, comment


def _known(name: Any) -> str:
    if not name:
        raise Ambiguous("TikTok took the reply, but does not say what became of it.")
    return str(name)
