"""EventSub by websocket: a session and its notifications (https://dev.twitch.tv/docs/eventsub/handling-websocket-events/)."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, cast

import websockets
from pydantic import ValidationError
from websockets.asyncio.client import ClientConnection

from connectors import websocket
from connectors.twitch.shapes import Metadata, Session
from inbox.contract import AuthError, Permanent, Transient

GREETING = 10.0  # seconds until the welcome
DRAINING = 1.0  # seconds of silence after which an old connection has nothing more to say
SLACK = 5.0  # seconds beyond the silence that was agreed
REVOKED = {
    "user_removed": "The account that reads the chat does not exist any more.",
    "authorization_revoked": "Twitch lets this application read no more: the account's password was changed, or it took the leave back.",
    "version_removed": "Twitch does not speak this version of its events any more.",
}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """A notification's envelope and its event; of a sign of life there is only the envelope."""

    metadata: Metadata
    event: Any


async def listen(address: str, subscribe: Callable[[str], Awaitable[None]]) -> AsyncGenerator[Heard | None]:
    """Notifications of one session, and of those that Twitch moves it to; None once it is set up. Ends by an error."""
    socket = await websocket.connect("Twitch's EventSub", address)
    try:
        session = await _welcome(socket)
        await subscribe(session.id)
        yield None
        while True:
            silence = (session.keepalive_timeout_seconds or 10) + SLACK
            async with aclosing(_notifications(socket, silence)) as notifications:
                moved: Session | None = None
                async for heard in notifications:
                    if isinstance(heard, Session):
                        moved = heard
                        break
                    yield heard
            if moved is None or not moved.reconnect_url:
                raise Transient("Twitch's EventSub ended the connection.")
            # The old connection stays until the new one has said welcome: subscriptions move along, and nothing is missed.
            old, socket = socket, await websocket.connect("Twitch's EventSub", _protected(address, moved.reconnect_url))
            session = await _welcome(socket)
            async with aclosing(_rest(old)) as rest:
                async for heard in rest:
                    yield heard
    finally:
        await _close(socket)


async def _rest(old: ClientConnection) -> AsyncGenerator[Heard]:
    """What the old connection was still told before the new one took over."""
    try:
        async with aclosing(_notifications(old, DRAINING)) as notifications:
            async for heard in notifications:
                if isinstance(heard, Heard):
                    yield heard
    except Transient:
        pass
    finally:
        await _close(old)


async def _welcome(socket: ClientConnection) -> Session:
    try:
        async with asyncio.timeout(GREETING):
            told = _object(await socket.recv())
        return Session.model_validate(_payload(told).get("session"))
    except (TimeoutError, ValidationError):
        raise Transient("Twitch's EventSub does not say welcome.") from None
    except websockets.ConnectionClosed as closed:
        raise _ending(closed) from None


async def _notifications(socket: ClientConnection, silence: float) -> AsyncGenerator[Heard | Session]:
    """What comes until Twitch moves the session. Silence beyond what was agreed means that nobody is there."""
    try:
        while True:
            async with asyncio.timeout(silence):
                told = _object(await socket.recv())
            try:
                metadata = Metadata.model_validate(told.get("metadata"))
            except ValidationError:
                continue
            if metadata.message_type in {"notification", "session_keepalive"}:
                yield Heard(metadata, _payload(told).get("event"))
            elif metadata.message_type == "session_reconnect":
                yield Session.model_validate(_payload(told).get("session"))
            elif metadata.message_type == "revocation":
                raise revoked(_payload(told).get("subscription"))
    except TimeoutError:
        raise Transient("Twitch's EventSub does not answer any more.") from None
    except ValidationError:
        raise Transient("Twitch's EventSub asks us to move, but not where.") from None
    except websockets.ConnectionClosed as closed:
        raise _ending(closed) from None


def revoked(subscription: Any) -> AuthError | Permanent | Transient:
    """Why Twitch ended a subscription (https://dev.twitch.tv/docs/eventsub/handling-websocket-events/#revocation-message)."""
    status = str(cast("Json", subscription).get("status", "")) if isinstance(subscription, dict) else ""
    words = REVOKED.get(status, f"Twitch ended the subscription ({status[:60]}).")
    return AuthError(words) if status == "authorization_revoked" else Permanent(words) if status in REVOKED else Transient(words)


def _ending(closed: websockets.ConnectionClosed) -> Transient:
    return Transient(f"Twitch's EventSub closed the connection ({closed.rcvd.code if closed.rcvd else 'without a word'}).")


def _protected(address: str, told: str) -> str:
    if address.startswith("wss:") and not told.startswith("wss:"):
        raise Permanent("Twitch's EventSub moves to an address that is not protected.")
    return told


async def _close(socket: ClientConnection) -> None:
    with suppress(OSError, websockets.WebSocketException):
        await socket.close()


def _object(raw: str | bytes) -> Json:
    try:
        found: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return cast("Json", found) if isinstance(found, dict) else {}


def _payload(told: Json) -> Json:
    payload = told.get("payload")
    return cast("Json", payload) if isinstance(payload, dict) else {}
