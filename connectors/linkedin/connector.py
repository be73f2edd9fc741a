"""The connector: the comments under a page's posts, and a way to answer them as the page."""

from asyncio import sleep
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from pydantic import BaseModel, ValidationError

from connectors.linkedin import outgoing, parse, webhook
from connectors.linkedin.api import LinkedInApi
from connectors.linkedin.config import LinkedInConfig
from connectors.linkedin.place import Place
from connectors.linkedin.reading import Reader
from connectors.linkedin.shapes import Comment
from connectors.polling import Pieces, kept, now, reason
from inbox.contract import (
    Action,
    AuthError,
    Author,
    Batch,
    Capabilities,
    ConnectorError,
    ConversationKind,
    Permanent,
    RateLimited,
    Receipt,
    Rejected,
    Reply,
    Request,
    Response,
    Secrets,
    Standing,
    Verification,
)

RESERVE = 5  # one request of so many is kept for replies
SHORTEST, LONGEST = 30.0, 3600.0  # seconds between two looks
RECENT = timedelta(hours=1)  # a doubtful reply was sent within this time
SCOPES = {"r_organization_social", "w_organization_social"}


class LinkedIn:
    """An organization's page on LinkedIn."""

    name: ClassVar[str] = "linkedin"
    title: ClassVar[str] = "LinkedIn"
    Config: ClassVar[type[BaseModel]] = LinkedInConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS}),
        max_length=1250,
        edits_in=True,
        deletes_in=True,
        history=True,
        actions=frozenset({Action.LIKE, Action.EDIT, Action.DELETE}),
        own_only=frozenset({Action.DELETE, Action.EDIT}),
    )

    def __init__(self, config: LinkedInConfig) -> None:
        self._config = config
        self._api = LinkedInApi(config)

    @property
    def standing(self) -> Standing:
        budget, at = self._api.budget, now()
        ends = self._api.tokens.refresh_ends_at or (None if self._config.refresh_token else self._api.ends_at)
        return Standing(budget.limit - budget.left(at), budget.limit, budget.resets_at(at), ends)

    def lend(self, secrets: Secrets) -> None:
        self._api.tokens.lend(secrets)

    async def check(self) -> Author:
        """Ask until when the access lasts, and what the page is called."""
        scopes = set(str((await self._api.introspect()).get("scope") or "").replace(",", " ").split())
        if scopes and not scopes >= SCOPES:
            raise AuthError(f"The access lacks a permission: {', '.join(sorted(SCOPES - scopes))}.")
        told = await self._api.get(f"organizations/{self._config.organization}")
        return Author(self._config.urn, str(told.get("localizedName") or self._config.urn), told.get("vanityName"), is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Look, and wait as long as the day's requests ask for."""
        reader, budget, looks = Reader(self._api, self._config.urn, Place.read(cursor), self._config.history), self._api.budget, 0
        reserve = budget.limit // RESERVE
        with suppress(ConnectorError):  # only for the page of the channel: what is wrong shows with the first look
            await self._api.introspect()
        while True:
            at = now()
            if budget.left(at) <= reserve:
                raise RateLimited("The requests of the day that are for reading are used up.", (budget.resets_at(at) - at).total_seconds())
            for batch in await reader.look():
                yield batch
            looks += 1
            cost = max(2.0, budget.total / looks)
            await sleep(budget.pause(cost, now(), reserve=reserve, shortest=SHORTEST, longest=LONGEST))

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """What LinkedIn pushes to applications that it has approved for this: it comes sooner than the lists bring it."""
        return webhook.receive(request, self._config.client_secret.get_secret_value(), self._config.urn)

    def reread(self, raw: bytes, received_at: datetime) -> Batch:  # noqa: ARG002  # a comment names its time itself
        """Something that could not be read before."""
        try:
            kind, entry = kept(raw)
            if kind == "comment":
                return Batch([parse.comment(Comment.model_validate(entry), None, self._config.urn)])
        except (ValueError, RecursionError) as error:  # what pydantic raises is one
            return Batch(rejected=[Rejected(raw, reason(error))])
        pieces = Pieces()
        if kind == "notification":
            webhook.take(entry, self._config.urn, pieces)
        return Batch(pieces.events, rejected=[Rejected(raw, one.reason) for one in pieces.rejected], passed_over=pieces.passed)

    async def send(self, reply: Reply) -> Receipt:
        """Answer in the thread, as the page."""
        if reply.attachments:
            raise Permanent("Files with a comment are not offered for LinkedIn.")
        return await outgoing.send(self._api, self._config.urn, reply)

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Our own latest words in that thread, if they are these. That they are not listed proves nothing."""
        async for page in self._api.comments(reply.thread_id):
            for entry in page:
                try:
                    comment = Comment.model_validate(entry)
                except ValidationError:
                    continue
                is_it = (comment.actor, comment.message.text) == (self._config.urn, reply.text)
                if is_it and comment.created.time > datetime.now(UTC) - RECENT:
                    return Receipt(comment.commentUrn, comment.created.time, parse.permalink(comment.commentUrn, comment.object))
        raise Permanent("LinkedIn does not list the reply; it may show it later.")

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Like a comment, or change or delete one of ours."""
        await outgoing.act(self._api, self._config.urn, action, message_id, text)

    async def listed(self, post_id: str) -> AsyncGenerator[Batch]:
        """All comments of a post."""
        pieces = Pieces()
        for comment in await Reader(self._api, self._config.urn, Place(), 0).comments(post_id, pieces):
            pieces.events.append(parse.comment(comment, None, self._config.urn))
        for batch in pieces.batches(None, ""):
            yield batch

    async def counts(self, post_id: str) -> int:
        """What LinkedIn says: answers count too."""
        found = await self._api.counts([post_id])
        if post_id not in found:
            raise Permanent("LinkedIn does not say how many comments the post has.")
        return found[post_id]

    async def aclose(self) -> None:
        await self._api.aclose()
