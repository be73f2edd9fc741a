"""Meta's Graph API on this machine, as far as all of its platforms share it.

Errors: https://developers.facebook.com/docs/graph-api/guides/error-handling; proof of the app secret:
https://developers.facebook.com/docs/graph-api/guides/secure-requests/; pages: https://developers.facebook.com/docs/graph-api/results;
notifications: https://developers.facebook.com/docs/graph-api/webhooks/getting-started.
"""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inbox import contract
from tests.served import listening

TOKEN = "EAAhunter2hunter2hunter2"
APP_ID, APP_SECRET, VERIFY_TOKEN = "4711", "0123456789abcdef0123456789abcdef", "a-verify-token-of-ours"
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
Json = dict[str, Any]


class Refusal(Exception):
    """https://developers.facebook.com/docs/graph-api/guides/error-handling#error-responses"""

    def __init__(self, code: int, subcode: int = 0, message: str = "refused", status: int = 400, **headers: str) -> None:
        self.content: Json = {"error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "EJplcsCHuLu"}}
        if subcode:
            self.content["error"]["error_subcode"] = subcode
        self.status, self.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}

    @property
    def response(self) -> Response:
        return JSONResponse(self.content, self.status, self.headers)


@dataclass
class Call:
    method: str
    path: str
    query: dict[str, str]
    content: Json
    files: dict[str, tuple[str, bytes, str]] = field(default_factory=dict[str, tuple[str, bytes, str]])


@dataclass
class GraphApi:
    """What stands on the platform comes with each platform's own fake: `answer`."""

    calls: list[Call] = field(default_factory=list[Call])
    refusals: dict[str, list[Refusal | Response]] = field(default_factory=dict[str, "list[Refusal | Response]"])  # by "POST path"
    headers: dict[str, str] = field(default_factory=dict[str, str])  # of every answer
    token: str = TOKEN
    expires_at: int = 0
    scopes: list[str] = field(default_factory=list[str])
    wants_proof: bool = True
    address: str = ""

    def sent(self, *path: str) -> list[Call]:
        """What was changed on the platform, so far."""
        return [call for call in self.calls if call.method != "GET" and (not path or call.path in path)]

    async def take(self, request: Request) -> Response:
        call = await _call(request)
        self.calls.append(call)
        waiting = self.refusals.get(f"{call.method} {call.path}")
        try:
            if waiting:
                refusal = waiting.pop(0)
                if isinstance(refusal, Response):
                    return refusal
                raise refusal
            if call.path == "debug_token":
                return JSONResponse(self._about_token(request, call), headers=self.headers)
            self._check(request, call)
            return JSONResponse(await self.answer(call), headers=self.headers)
        except Refusal as refusal:
            return refusal.response

    async def answer(self, call: Call) -> Any:
        raise Refusal(2500, message="An unknown path")

    def _check(self, request: Request, call: Call) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ") or call.query.get("access_token", "")
        if given != self.token:
            raise Refusal(190, message=f"Malformed access token {given}", status=401)
        expected = hmac.new(APP_SECRET.encode(), self.token.encode(), hashlib.sha256).hexdigest()
        if self.wants_proof and call.query.get("appsecret_proof") != expected:
            raise Refusal(100, message="Invalid appsecret_proof provided in the API argument")

    def _about_token(self, request: Request, call: Call) -> Json:
        """https://developers.facebook.com/docs/graph-api/reference/debug_token"""
        if request.headers.get("authorization") != f"Bearer {APP_ID}|{APP_SECRET}":
            raise Refusal(190, message="Invalid OAuth access token signature.", status=401)
        is_valid = call.query.get("input_token") == self.token
        return {"data": {"app_id": APP_ID, "type": "PAGE", "is_valid": is_valid, "expires_at": self.expires_at, "scopes": self.scopes}}

    def page(self, path: str, entries: Sequence[Json], call: Call, limit: int) -> Json:
        """One page of a list, with the address of the next one, which holds the token."""
        start, most = int(call.query.get("after", "0") or 0), int(call.query.get("limit", limit))
        told: Json = {"data": list(entries[start : start + most])}
        told["paging"] = {"cursors": {"before": str(start), "after": str(start + most)}}
        if start + most < len(entries):
            kept = {name: value for name, value in call.query.items() if name not in {"after", "appsecret_proof"}}
            query = "&".join(f"{name}={value}" for name, value in {**kept, "access_token": TOKEN, "after": str(start + most)}.items())
            told["paging"]["next"] = f"https://graph.facebook.com/v25.0/{path}?{query}"
        return told


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S+0000")


def escaped(told: Any) -> bytes:
    """As Meta writes JSON: letters beyond ASCII and some signs escaped."""
    body = json.dumps(told, separators=(",", ":")).replace("/", "\\/")
    for sign in "<%@":
        body = body.replace(sign, f"\\u{ord(sign):04x}")
    return body.encode()


def signature(body: bytes, secret: str = APP_SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def pushed(told: Any, at: datetime = MORNING) -> contract.Request:
    """A notification as it arrives."""
    body = escaped(told)
    return contract.Request("POST", {"x-hub-signature-256": signature(body), "content-type": "application/json"}, {}, body, at)


@asynccontextmanager
async def serving(api: GraphApi) -> AsyncIterator[str]:
    """The address of a server that is this Graph API."""
    routes = [Route("/{path:path}", api.take, methods=["GET", "POST", "DELETE"])]
    async with listening(Starlette(routes=routes)) as api.address:
        yield api.address


async def _call(request: Request) -> Call:
    path = request.path_params["path"]
    call = Call(request.method, path, dict(request.query_params), {})
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        call.content = await request.json()
    elif kind.startswith(("multipart/", "application/x-www-form-urlencoded")):
        async with request.form() as form:
            for name, value in form.items():
                if isinstance(value, UploadFile):
                    call.files[name] = (value.filename or "", await value.read(), value.content_type or "")
                else:
                    call.content[name] = _value(value)
    return call


def _value(value: str) -> Any:
    return json.loads(value) if value[:1] in "[{" else value


def config(address: str, **more: Any) -> Mapping[str, Any]:
    """What all accounts behind graph.facebook.com are set up with."""
    return {"app_id": APP_ID, "app_secret": APP_SECRET, "verify_token": VERIFY_TOKEN, "access_token": TOKEN, "graph_url": address, **more}
