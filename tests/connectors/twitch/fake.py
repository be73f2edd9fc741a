"""Twitch on this machine, as https://dev.twitch.tv/docs describes it; no independent client has checked it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import NAMESPACE_URL, uuid5

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.served import listening

Json = dict[str, Any]
CLIENT, SECRET, TOKEN, REFRESH = "hof5gwx0su6owfnys0nyan9c87zr6t", "hunter2-client", "hunter2-access", "hunter2-refresh"
ROOM, US, ANNA = ("1971641", "streamer"), ("2914196", "bakery"), ("4145994", "viptest")
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)


def stamp(at: datetime) -> str:
    """RFC 3339 with nanoseconds, as Twitch writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z"


def subscription(kind: str, **transport: str) -> Json:
    condition = {"broadcaster_user_id": ROOM[0], "user_id": US[0]}
    shape = {"id": str(uuid5(NAMESPACE_URL, kind)), "status": "enabled", "type": kind, "version": "1", "condition": condition, "cost": 0}
    return shape | {"transport": transport, "created_at": stamp(MORNING)}


def said(by: tuple[str, str], text: str, message_id: str, *, answers: tuple[str, tuple[str, str]] | None = None, **more: Any) -> Json:
    """https://dev.twitch.tv/docs/eventsub/eventsub-subscription-types/#channelchatmessage, the example's shape."""
    about = {"broadcaster_user_id": ROOM[0], "broadcaster_user_login": ROOM[1], "broadcaster_user_name": ROOM[1]}
    fragments = [{"type": "text", "text": text, "cheermote": None, "emote": None, "mention": None}]
    reply = None
    if answers is not None:
        parent, (number, login) = answers
        reply = {"parent_message_id": parent, "parent_message_body": "…", "parent_user_id": number, "parent_user_name": login}
        reply |= {"parent_user_login": login, "thread_message_id": parent, "thread_user_id": number, "thread_user_name": login}
        text = f"@{login} {text}"
    shape: Json = about | {
        "chatter_user_id": by[0], "chatter_user_login": by[1], "chatter_user_name": by[1].title(), "message_id": message_id,
        "message": {"text": text, "fragments": fragments}, "color": "#00FF7F", "badges": [], "message_type": "text", "cheer": None,
        "reply": reply, "channel_points_custom_reward_id": None, "source_broadcaster_user_id": None, "source_message_id": None,
    }  # fmt: skip
    return shape | more


def deleted(message_id: str, by: tuple[str, str] = ANNA) -> Json:
    """https://dev.twitch.tv/docs/eventsub/eventsub-subscription-types/#channelchatmessage_delete"""
    return {"broadcaster_user_id": ROOM[0], "target_user_id": by[0], "target_user_login": by[1], "message_id": message_id}


@dataclass
class Twitch:
    """Sign-in, Helix and EventSub."""

    token: str = TOKEN
    app_token: str = "app-token"
    expires_in: int = 14400
    scopes: list[str] = field(default_factory=lambda: ["user:read:chat", "user:write:chat"])
    subscriptions: list[Json] = field(default_factory=list[Json])
    sent: list[Json] = field(default_factory=list[Json])
    gone: list[str] = field(default_factory=list[str])
    requests: list[str] = field(default_factory=list[str])
    refusals: dict[str, list[Response]] = field(default_factory=dict[str, "list[Response]"])  # by "GET /path"
    drop: Json | None = None
    renews: bool = True
    silence: int = 10  # seconds
    ears: dict[str, WebSocket] = field(default_factory=dict[str, WebSocket])
    address: str = ""
    welcomes: bool = True
    renewed: int = 0

    async def tell(self, kind: str, event: Json, *, at: datetime | None = None, message_id: str = "") -> None:
        """A notification for every session that has subscribed."""
        for one in self.subscriptions:
            session = one["transport"].get("session_id", "")
            if one["type"] == kind and session in self.ears:
                await self.say(session, "notification", {"subscription": one, "event": event}, kind, at, message_id)

    async def say(self, session: str, kind: str, payload: Json, about: str = "", at: datetime | None = None, message_id: str = "") -> None:
        metadata = {"message_id": message_id or f"{kind}-{len(self.requests)}-{id(payload)}", "message_type": kind}
        metadata["message_timestamp"] = stamp(at or datetime.now(UTC))
        if about:
            metadata |= {"subscription_type": about, "subscription_version": "1"}
        await self.ears[session].send_text(json.dumps({"metadata": metadata, "payload": payload}, ensure_ascii=False))

    async def move(self, session: str) -> None:
        """https://dev.twitch.tv/docs/eventsub/handling-websocket-events/#reconnect-message"""
        where = f"ws{self.address.removeprefix('http')}/ws?from={session}"
        about = {"id": session, "status": "reconnecting", "keepalive_timeout_seconds": None, "reconnect_url": where}
        await self.say(session, "session_reconnect", {"session": about | {"connected_at": stamp(MORNING)}})

    async def listen(self, ears: WebSocket) -> None:
        """https://dev.twitch.tv/docs/eventsub/handling-websocket-events/#welcome-message"""
        await ears.accept()
        self.requests.append("WS /ws")
        session = ears.query_params.get("from") or f"session{len(self.ears)}"
        self.ears[session] = ears
        if self.welcomes:
            about = {"id": session, "status": "connected", "connected_at": stamp(MORNING), "keepalive_timeout_seconds": self.silence}
            await self.say(session, "session_welcome", {"session": about | {"reconnect_url": None}})
        try:
            while True:
                await ears.receive_text()
        except WebSocketDisconnect:
            if self.ears.get(session) is ears:
                del self.ears[session]

    async def answer(self, request: Request) -> Response:
        path = request.url.path
        name = f"{request.method} {path}"
        self.requests.append(name)
        if self.refusals.get(name):
            return self.refusals[name].pop(0)
        if path == "/oauth2/token":
            return await self._grant(request)
        given = request.headers.get("authorization", "").split(" ")[-1]
        if given not in {self.token, self.app_token} or (path.startswith("/helix") and request.headers.get("client-id") != CLIENT):
            return JSONResponse({"error": "Unauthorized", "status": 401, "message": f"Invalid OAuth token {given}"}, 401)
        if path == "/oauth2/validate":
            about = {"client_id": CLIENT, "login": US[1], "scopes": self.scopes, "user_id": US[0], "expires_in": self.expires_in}
            return JSONResponse(about)
        return await self._helix(request, path.removeprefix("/helix"), given)

    async def _grant(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        fits = form.get("client_id") == CLIENT and form.get("client_secret") == SECRET
        if form["grant_type"] == "client_credentials" and fits:
            return JSONResponse({"access_token": self.app_token, "expires_in": 5011271, "token_type": "bearer"})
        if fits and self.renews and form.get("refresh_token") == REFRESH:
            self.renewed += 1
            self.token = f"renewed-{self.renewed}"
            scope = {"scope": self.scopes, "token_type": "bearer", "refresh_token": REFRESH}
            return JSONResponse({"access_token": self.token, "expires_in": self.expires_in} | scope)
        return JSONResponse({"error": "Bad Request", "status": 400, "message": "Invalid refresh token"}, 400)

    async def _helix(self, request: Request, path: str, given: str) -> Response:
        match request.method, path:
            case "GET", "/users":
                login = request.query_params["login"]
                found = [{"id": one[0], "login": one[1], "display_name": one[1].title()} for one in (ROOM, US) if one[1] == login]
                return JSONResponse({"data": [one | {"profile_image_url": "https://cdn.example/a.png", "type": ""} for one in found]})
            case "POST", "/eventsub/subscriptions":
                return await self._subscribe(request, given)
            case "GET", "/eventsub/subscriptions":
                kind = request.query_params.get("type")
                return JSONResponse({"data": [one for one in self.subscriptions if kind in {None, one["type"]}], "pagination": {}})
            case "POST", "/chat/messages":
                asked = await request.json()
                self.sent.append(asked)
                told = {"message_id": f"sent-{len(self.sent)}", "is_sent": self.drop is None, "drop_reason": self.drop}
                return JSONResponse({"data": [told]})
            case "DELETE", "/moderation/chat":
                self.gone.append(request.query_params["message_id"])
                return Response(status_code=204)
            case _:
                return JSONResponse({"error": "Not Found", "status": 404, "message": ""}, 404)

    async def _subscribe(self, request: Request, given: str) -> Response:
        asked = await request.json()
        is_hook = asked["transport"]["method"] == "webhook"
        if is_hook != (given == self.app_token):
            return JSONResponse({"error": "Bad Request", "status": 400, "message": "wrong kind of token"}, 400)
        same = [one for one in self.subscriptions if one["type"] == asked["type"] and one["transport"] == asked["transport"]]
        if same:
            return JSONResponse({"error": "Conflict", "status": 409, "message": "subscription already exists"}, 409)
        self.subscriptions.append(subscription(asked["type"], **asked["transport"]))
        return JSONResponse({"data": [self.subscriptions[-1]], "total": 1, "total_cost": 0, "max_total_cost": 10}, 202)


def refused(status: int, message: str = "no", **headers: str) -> Response:
    return JSONResponse({"error": "x", "status": status, "message": message}, status, headers=headers)


def soon(seconds: int) -> str:
    return str(int((datetime.now(UTC) + timedelta(seconds=seconds)).timestamp()))


@asynccontextmanager
async def serving(twitch: Twitch) -> AsyncIterator[str]:
    """The address of this Twitch."""
    routes = [WebSocketRoute("/ws", twitch.listen), Route("/{path:path}", twitch.answer, methods=["GET", "POST", "DELETE"])]
    async with listening(Starlette(routes=routes), ws="websockets-sansio") as twitch.address:
        yield twitch.address
