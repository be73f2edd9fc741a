"""LINE on this machine, as https://developers.line.biz/en/reference/messaging-api/ describes it; no independent client has checked it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.served import listening

Json = dict[str, Any]
TOKEN, SECRET = "hunter2-hunter2-token", "8c570fa6dd201bb328f1c1eac23a96d8"
US, ANNA, GROUP = "U8e742f61d673b39c7fff3cecb7536ef0", "U4af4980629000000000000000000anna", "C4af4980629000000000000000000grp"
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)


def source(user: str | None = ANNA, group: str | None = None, room: str | None = None) -> Json:
    """https://developers.line.biz/en/reference/messaging-api/#source-user"""
    kind = "group" if group else "room" if room else "user"
    given = {"userId": user, "groupId": group, "roomId": room}
    return {"type": kind} | {name: value for name, value in given.items() if value}


def happening(kind: str, *, at: datetime = MORNING, by: Json | None = None, again: bool = False, **more: Any) -> Json:
    """https://developers.line.biz/en/reference/messaging-api/#common-properties"""
    shape = {"type": kind, "mode": "active", "timestamp": int(at.timestamp() * 1000), "source": by or source()}
    return shape | {"webhookEventId": "01FZ74A0TDDPYRVKNK77XKC3ZR", "deliveryContext": {"isRedelivery": again}} | more


def message(text: str = "", message_id: str = "444573844083572737", *, kind: str = "text", **more: Any) -> Json:
    """https://developers.line.biz/en/reference/messaging-api/#wh-text"""
    inner = more.pop("message", {})
    words = {"text": text, "quoteToken": "q3Plxr4AgKd"} if kind == "text" else {}
    given = {"id": message_id, "type": kind} | words | inner
    return happening("message", replyToken="nHuyWiB7yP5Zw52FIkcQobQuGDXCTA", message=given, **more)


def body(*events: Any) -> bytes:
    return json.dumps({"destination": US, "events": list(events)}, ensure_ascii=False).encode()


@dataclass
class Line:
    """The Messaging API."""

    pushed: list[Json] = field(default_factory=list[Json])
    keys: dict[str, Json] = field(default_factory=dict[str, Json])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    requests: list[str] = field(default_factory=list[str])
    refusals: dict[str, list[Response]] = field(default_factory=dict[str, "list[Response]"])  # by "GET /path"
    endpoint: Json | None = field(default_factory=lambda: {"endpoint": "https://inbox.example/hooks/KEY", "active": True})
    quota: Json = field(default_factory=lambda: {"type": "limited", "value": 200})
    used: int = 12
    lost_answers: int = 0
    address: str = ""

    async def answer(self, request: Request) -> Response:
        name = f"{request.method} {request.url.path}"
        self.requests.append(name)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return refused(401, "Authentication failed. Confirm that the access token in the authorization header is valid.")
        if self.refusals.get(name):
            return self.refusals[name].pop(0)
        match name.split("/v2/bot")[-1].split("/")[1:]:
            case ["info"]:
                about = {"userId": US, "basicId": "@216ru", "displayName": "Bakery", "chatMode": "bot", "markAsReadMode": "auto"}
                return JSONResponse(about | {"pictureUrl": "https://obs.line-apps.com/a"})
            case ["channel", "webhook", "endpoint"]:
                return JSONResponse(self.endpoint) if self.endpoint else refused(404, "Webhook endpoint not found")
            case ["message", "quota"]:
                return JSONResponse(self.quota)
            case ["message", "quota", "consumption"]:
                return JSONResponse({"totalUsage": self.used})
            case ["message", "push"]:
                return await self._push(request)
            case ["message", number, "content"]:
                return Response(self.files[number]) if number in self.files else refused(404, "Not found")
            case _:
                return refused(404, "Not found")

    async def _push(self, request: Request) -> Response:
        """https://developers.line.biz/en/reference/messaging-api/#send-push-message"""
        key = request.headers["x-line-retry-key"]
        assert str(UUID(key)) == key
        if key in self.keys:
            known = {"message": "The retry key is already accepted", "sentMessages": [self.keys[key]]}
            return JSONResponse(known, 409, headers={"x-line-accepted-request-id": "123e4567-e89b"})
        asked = await request.json()
        if not asked["messages"][0]["text"].strip():
            return refused(400, "The request body has 1 error(s)")
        self.pushed.append(asked)
        self.keys[key] = {"id": f"46123096684206489{len(self.pushed)}", "quoteToken": "IStG5h1Tz7b"}
        if self.lost_answers:
            self.lost_answers -= 1
            return refused(500, "")
        return JSONResponse({"sentMessages": [self.keys[key]]})


def refused(status: int, words: str = "no", **headers: str) -> Response:
    return JSONResponse({"message": words}, status, headers=headers)


@asynccontextmanager
async def serving(line: Line) -> AsyncIterator[str]:
    """The address of this API."""
    routes = [Route("/{path:path}", line.answer, methods=["GET", "POST"])]
    async with listening(Starlette(routes=routes)) as line.address:
        yield line.address
