"""The connector: an app in one workspace, whose events come by Socket Mode or are pushed, and whose replies leave by the Web API."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import ClassVar, cast

from pydantic import BaseModel, ValidationError

from connectors.slack import acting, events, people, sending, signing
from connectors.slack.api import Api, Json
from connectors.slack.config import SlackConfig
from connectors.slack.events import Pieces
from connectors.slack.looking import Looker
from connectors.slack.parse import SCHEME
from connectors.slack.people import Directory
from connectors.slack.place import Place
from connectors.slack.shapes import File
from connectors.slack.sockets import Frame, listening
from inbox.contract import (
    Action,
    AuthError,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    Permanent,
    Receipt,
    Refused,
    Rejected,
    Reply,
    Request,
    Response,
    Verification,
)

LOOK = 300.0  # seconds between two looks for what nobody told us
LONGEST = 4000  # characters: what Slack's documents advise; longer ones it may part


class Slack:
    """An app in a workspace: channels, threads and direct messages, by Socket Mode or the Events API."""

    name: ClassVar[str] = "slack"
    title: ClassVar[str] = "Slack"
    Config: ClassVar[type[BaseModel]] = SlackConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.CLIENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=LONGEST,
        edits_in=True,
        deletes_in=True,
        history=True,
        attachments=True,
        actions=frozenset({Action.LIKE, Action.EDIT, Action.DELETE, Action.PRIVATE_REPLY}),
        own_only=frozenset({Action.DELETE, Action.EDIT}),
        consequences={
            Action.LIKE: "A 👍 from the app that everybody in the channel sees.",
            Action.EDIT: "Everybody sees the new text, marked as edited.",
            Action.PRIVATE_REPLY: "A direct message from the app; what is public stays unanswered for others.",
        },
    )

    def __init__(self, config: SlackConfig) -> None:
        self._config = config
        self._api = Api(config)
        self._known: Directory | None = None

    async def check(self) -> Author:
        """The token is accepted, may read and write, and events can come."""
        self._known, name = await people.whoami(self._api)
        scopes = self._api.scopes
        if scopes and "chat:write" not in scopes:
            raise AuthError("The app lacks the scope chat:write: add it and install the app again.")
        if scopes and not any(scope.endswith(":history") for scope in scopes):
            raise AuthError("The app may read nothing: it lacks scopes such as channels:history; add them and install the app again.")
        if self._config.app_token is not None:
            await self._api.open_socket()
        return Author(self._known.user_id, name, is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """What Slack keeps since the cursor, then live; where events are pushed, a look from time to time."""
        known = await self._whoami()
        looker = Looker(self._api, known, Place.parse(cursor), self._config.history)
        live = self._live(looker, known) if self._config.app_token else _looks(looker)
        async with aclosing(live) as batches:
            async for batch in batches:
                yield batch

    async def _live(self, looker: Looker, known: Directory) -> AsyncGenerator[Batch]:
        """The connection is open before the look, so that nothing falls between. Being resumed is what acknowledges an envelope."""
        clock = asyncio.get_running_loop().time
        async with listening(self._api) as listener:
            deep = True
            while True:
                async with aclosing(looker.look(deep=deep)) as batches:
                    async for batch in batches:
                        yield batch
                deep, until = False, clock() + LOOK
                while clock() < until:
                    try:
                        async with asyncio.timeout_at(until):
                            frame = await listener.next()
                    except TimeoutError:
                        break
                    yield await self._told(frame, looker, known)
                    await frame.acknowledge()

    async def _told(self, frame: Frame, looker: Looker, known: Directory) -> Batch:
        pieces, given = Pieces(), frame.envelope.get("payload")
        if frame.envelope.get("type") != "events_api" or not isinstance(given, dict):
            pieces.passed[f"envelope {frame.envelope.get('type')}"] += 1
            return pieces.batch()
        payload = cast("Json", given)
        if events.account(payload) not in {"", known.user_id}:  # the app is in several workspaces; theirs finds it by its own look
            pieces.passed["event of another workspace"] += 1
            return pieces.batch()
        await known.meet(self._api, events.people(payload))
        pieces.take(payload, known, datetime.now(UTC))
        looker.heard(pieces.events)
        return pieces.batch()

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """Check the signature over the bytes, then read the one callback; it names the bot that it is for."""
        if self._config.signing_secret is None:
            raise Refused("This channel has no signing secret: its events come by Socket Mode.", 404)
        if request.method != "POST":
            raise Refused("Slack sends POST requests.", 405)
        signing.verify(request, self._config.signing_secret.get_secret_value())
        payload = events.parsed(request.body)
        if payload is not None and payload.get("type") == "url_verification":
            return Response(body=str(payload.get("challenge") or "")), {}
        return Response(), {events.account(payload or {}): self.reread(request.body, request.received_at)}

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """A callback as it was pushed or kept. What cannot be read is kept, and never asked for again."""
        payload = events.parsed(raw)
        if payload is None:
            return Batch(rejected=[Rejected(raw, "The body is not JSON.")])
        pieces, account = Pieces(), events.account(payload)
        pieces.take(payload, people.directory(account) if account else self._known or Directory(), received_at)
        rejected = [Rejected(raw, one.reason) for one in pieces.rejected]
        return Batch(pieces.events, rejected=rejected, passed_over=dict(pieces.passed))

    async def listed(self, post_id: str) -> AsyncIterator[Batch]:
        """All that stands in a channel now."""
        looker = Looker(self._api, await self._whoami(), Place(), 0)
        async with aclosing(looker.listed(post_id)) as batches:
            async for batch in batches:
                yield batch

    async def send(self, reply: Reply) -> Receipt:
        """Post it, into its thread where it has one."""
        return await sending.send(self._api, self._known or Directory(), reply)

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Look for it where it should stand."""
        return await sending.find(self._api, await self._whoami(), reply)

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Like, edit or delete a message, or write to its author alone."""
        await acting.act(self._api, action, message_id, text)

    async def fetch_file(self, url: str) -> bytes:
        """A file's bytes; its address is asked for anew, and goes to Slack only."""
        told = (await self._api.read("files.info", {"file": url.removeprefix(SCHEME)})).get("file")
        try:
            file = File.model_validate(told)
        except ValidationError:
            raise Permanent("Slack does not say where the file is.") from None
        if not file.url_private:
            raise Permanent("Slack does not have the file any more.")
        response = await self._api.download(file.url_private)
        if response.headers.get("content-type", "").startswith("text/html") and "html" not in file.mimetype:  # a page to sign in
            raise AuthError("The app may not fetch files: it lacks the scope files:read.")
        return response.content

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _whoami(self) -> Directory:
        if self._known is None:
            self._known, _ = await people.whoami(self._api)
        return self._known


async def _looks(looker: Looker) -> AsyncGenerator[Batch]:
    deep = True
    while True:
        async with aclosing(looker.look(deep=deep)) as batches:
            async for batch in batches:
                yield batch
        deep = False
        await asyncio.sleep(LOOK)
