"""The connector: a repository's issues and discussions, pushed or looked at from time to time, and a way to answer them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast

from pydantic import BaseModel

from connectors.github import discussions, hooks, parse, sending
from connectors.github.api import Api, Json
from connectors.github.config import GitHubConfig
from connectors.github.looking import Looker
from connectors.github.place import Place
from inbox.contract import (
    Action,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    Receipt,
    Refused,
    Reply,
    Request,
    Response,
    Standing,
    Transient,
    Verification,
)

OFTEN, SELDOM = 60.0, 300.0  # seconds between two looks: alone, and beside a webhook
LONGEST = 65_536  # characters of a comment; our key needs some of them
MARK = 136


class GitHub:
    """Issues and discussions of a repository, by webhook and by looking."""

    name: ClassVar[str] = "github"
    title: ClassVar[str] = "GitHub"
    Config: ClassVar[type[BaseModel]] = GitHubConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS}),
        max_length=LONGEST - MARK,
        edits_in=True,
        deletes_in=True,
        history=True,
        actions=frozenset({Action.LIKE, Action.EDIT, Action.DELETE, Action.HIDE, Action.UNHIDE, Action.SPAM}),
        own_only=frozenset({Action.EDIT}),
        consequences={
            Action.HIDE: "It is folded as off-topic; anybody can unfold it.",
            Action.SPAM: "It is folded as spam; anybody can unfold it.",
        },
    )

    def __init__(self, config: GitHubConfig) -> None:
        self._config = config
        self._api = Api(config)

    async def check(self) -> Author:
        """Whose token it is, and that it sees the repository."""
        told: Any = await self._api.get("/user")
        login = cast("Json", told).get("login") if isinstance(told, dict) else None
        if not isinstance(login, str) or not login:
            raise Transient("GitHub does not say whose token it is.")
        await self._api.get("issues", per_page=1)
        return Author(login.lower(), login, login, is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Everything that has changed since the cursor, again and again."""
        lists = ("issues", "issues/comments", *(("discussions",) if self._config.discussions else ()))
        start = datetime.now(UTC) - timedelta(days=self._config.history)
        place = Place(dict.fromkeys(lists, start)) if cursor is None else Place.parse(cursor, lists, start)
        looker = Looker(self._api, self._config.repository, place)
        while True:
            async with aclosing(looker.look()) as batches:
                async for batch in batches:
                    yield batch
            await asyncio.sleep(OFTEN if self._config.webhook_secret is None else SELDOM)

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """Check the signature over the bytes, then read the one delivery."""
        if self._config.webhook_secret is None:
            raise Refused("This channel has no webhook secret: it looks by itself.", 404)
        if request.method != "POST":
            raise Refused("GitHub sends POST requests.", 405)
        hooks.verify(request, self._config.webhook_secret.get_secret_value())
        name = request.headers.get(hooks.EVENT, "")[:100]
        return Response(), {"": hooks.take(name, request.body, self._config.repository, request.received_at)}

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """A delivery or an entry that was kept."""
        return hooks.reread(raw, self._config.repository, received_at)

    async def listed(self, post_id: str) -> AsyncIterator[Batch]:
        """All that stands under an issue or a discussion now."""
        looker = Looker(self._api, self._config.repository, Place())
        async with aclosing(looker.listed(post_id)) as batches:
            async for batch in batches:
                yield batch

    async def counts(self, post_id: str) -> int:
        """How many comments GitHub says there are."""
        kind, number, _ = parse.split(post_id)
        told: Any = (
            await discussions.one(self._api, self._config.repository, number)
            if kind == parse.DISCUSSIONS
            else await self._api.get(f"issues/{number}")
        )
        count = cast("Json", told).get("comments") if isinstance(told, dict) else None
        if not isinstance(count, int):
            raise Transient("GitHub does not say how many comments there are.")
        return count

    async def send(self, reply: Reply) -> Receipt:
        """Post it below what it answers."""
        return await sending.send(self._api, self._config.repository, reply)

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Look for it where it should stand, by its key."""
        return await sending.find(self._api, self._config.repository, reply)

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Like, hide, show, edit or delete a message."""
        await sending.act(self._api, self._config.repository, action, message_id, text)

    @property
    def standing(self) -> Standing:
        """The quota and the token's end, as the last answer has told."""
        return self._api.standing

    async def aclose(self) -> None:
        await self._api.aclose()
