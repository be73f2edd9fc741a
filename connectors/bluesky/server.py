"""The account's server: requests, sessions, and what its answers mean.

Sessions: https://docs.bsky.app/docs/api/com-atproto-server-create-session and …-refresh-session; errors: https://atproto.com/specs/xrpc;
What the network knows is asked of the same server, which passes it on.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from connectors import http
from connectors.bluesky import limits
from connectors.bluesky.config import BlueskyConfig
from connectors.bluesky.shapes import Json, as_dict, as_text
from inbox.contract import Ambiguous, Attachment, AuthError, ConnectorError, Permanent, RateLimited, Standing, Transient

JUDGED = frozenset(range(400, 500)) - {408, 425}
CHAT = "did:web:api.bsky.chat#bsky_chat"  # https://docs.bsky.app/docs/advanced-guides/api-directory
STALE = {"ExpiredToken", "InvalidToken", "AuthMissing", "AuthenticationRequired"}
LACKING = ("Bad token method", "Bad token scope", "Missing required scope")  # how data servers say that a password allows too little
NOT_ALLOWED = "Private messages are not read: make an app password that allows access to direct messages, and enter it in the settings."
CLOSED = {"AccountTakedown", "AccountDeactivated", "AccountSuspended"}
LONGEST_WORDS = 300  # characters of what the server says is wrong
LARGEST_FILE = 2_000_000  # bytes of a picture (https://docs.bsky.app/docs/advanced-guides/posts#images-embeds)


class Refusal(Permanent):
    """The server says no; `name` is its own word for why."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


class NotAllowed(Refusal):
    """The app password was made without access to private messages."""


@dataclass(frozen=True, slots=True)
class Session:
    """Whose account it is, and the two tokens: one for two hours, one to get the next pair."""

    did: str
    handle: str
    access: str
    refresh: str


class Server:
    """One account's requests to its server."""

    def __init__(self, config: BlueskyConfig) -> None:
        self._handle, self._password = config.handle, config.app_password.get_secret_value()
        self._client = http.Client("The server", base_url=config.server)
        self._current: Session | None = None
        self._renewing = asyncio.Lock()
        self.standing = Standing()

    async def get(self, method: str, **params: str | int | Sequence[str]) -> Json:
        return _object(await self._authorized("GET", method, params=params), sending=False)

    async def change(self, method: str, content: Json) -> Json:
        """Change something."""
        body = json.dumps(content, ensure_ascii=False).encode(errors="replace")
        headers = {"content-type": "application/json"}
        return _object(await self._authorized("POST", method, sending=True, content=body, headers=headers), sending=True)

    async def upload(self, file: Attachment) -> Json:
        """Hand a picture in; nobody sees it before a record names it. Returns what the record has to say."""
        if file.content is None:
            raise Permanent(f"The attachment {file.name} did not come along.")
        if not file.media_type.startswith("image/") or len(file.content) > LARGEST_FILE:
            raise Permanent(f"Bluesky takes pictures of at most 2 MB, and {file.name} is not one.")
        headers = {"content-type": file.media_type}
        told = await self._authorized("POST", "com.atproto.repo.uploadBlob", content=file.content, headers=headers)
        return as_dict(_object(told, sending=False).get("blob"))

    async def session(self) -> Session:
        """The session there is, or a new one."""
        return self._current or await self._renew(None)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _authorized(self, verb: str, method: str, *, sending: bool = False, **options: Any) -> httpx.Response:
        """A request in the account's name; one that the server refuses for the age of its token is made again, since it did nothing."""
        session = await self.session()
        for is_last in (False, True):
            headers = {**options.get("headers", {}), **_passed_on(method), "authorization": f"Bearer {session.access}"}
            told = await self._ask(verb, method, sending=sending, **{**options, "headers": headers})
            if told.status_code < 300:
                return told
            if _is_lacking(told) or (told.status_code != 401 and _name(told) not in STALE):
                break
            if is_last:
                is_refused = told.status_code == 401 and not _passed_on(method)  # a service behind it may only be out of step
                raise (AuthError if is_refused else Transient)("The server does not accept the session that it has just given.")
            session = await self._renew(session)
        raise self._error(told)

    async def _renew(self, old: Session | None) -> Session:
        """A session in place of this one: by its second token, else by the app password, which may be used 300 times a day."""
        async with self._renewing:
            if self._current is not old and self._current is not None:
                return self._current
            told = None
            if old is not None:
                headers = {"authorization": f"Bearer {old.refresh}"}
                told = await self._ask("POST", "com.atproto.server.refreshSession", headers=headers)
            if told is None or (told.status_code in {400, 401} and _name(told) not in CLOSED):
                self._current = None
                identity = {"identifier": self._handle, "password": self._password}
                told = await self._ask("POST", "com.atproto.server.createSession", json=identity)
            if told.status_code in {400, 401, 403}:
                raise AuthError(f"The server does not accept the handle and the app password ({self._words(told) or told.status_code}).")
            if told.status_code >= 300:
                raise self._error(told)
            self._current = _session(_object(told, sending=False))
            return self._current

    async def _ask(self, verb: str, method: str, *, sending: bool = False, **options: Any) -> httpx.Response:
        told = await self._client.fetch(verb, f"/xrpc/{method}", sending=sending, expected=JUDGED, **options)
        self.standing = limits.standing(told.headers) or self.standing
        return told

    def _error(self, told: httpx.Response) -> ConnectorError:
        status, name, words = told.status_code, _name(told), self._words(told)
        if status == 429:
            return RateLimited("The server asks us to wait.", limits.pause(told.headers, datetime.now(UTC)))
        if name in CLOSED:
            return AuthError(f"The account is closed or paused ({words or name}).")
        if _is_lacking(told):
            return NotAllowed(NOT_ALLOWED, name)
        return Refusal(f"The server answered {status} ({words or name or 'without a reason'}).", name)

    def _words(self, told: httpx.Response) -> str:
        """What the server says is wrong; never a secret of ours, should it say that."""
        words = as_text(as_dict(_json(told)).get("message"))
        secrets = [self._password, *((self._current.access, self._current.refresh) if self._current else ())]
        for secret in secrets:
            words = words.replace(secret, "…")
        return words[:LONGEST_WORDS]


def _session(told: Json) -> Session:
    parts = [as_text(told.get(name)) for name in ("did", "handle", "accessJwt", "refreshJwt")]
    if not all(parts):
        raise Transient("The server gives a session that is none.")
    return Session(*parts)


def _passed_on(method: str) -> dict[str, str]:
    """The header that names the service to which the server passes a request on."""
    return {"atproto-proxy": CHAT} if method.startswith("chat.bsky.") else {}


def _is_lacking(told: httpx.Response) -> bool:
    return as_text(as_dict(_json(told)).get("message")).startswith(LACKING)


def _name(told: httpx.Response) -> str:
    return as_text(as_dict(_json(told)).get("error"))[:LONGEST_WORDS]


def _json(told: httpx.Response) -> Any:
    try:
        return json.loads(told.content)
    except (ValueError, RecursionError):
        return None


def _object(told: httpx.Response, *, sending: bool) -> Json:
    found = _json(told)
    if not isinstance(found, dict):
        words = "The server answered with something that is not what was agreed."
        raise Ambiguous(words) if sending else Transient(words)
    return as_dict(found)
