"""Where unsafe requests may come from, and the headers of every answer.

A browser sends the session's cookie with requests that other websites cause. So an unsafe method and a websocket are accepted only from our
own pages: `Sec-Fetch-Site` says where a request comes from, in every browser of today on https and localhost; `Origin` says it elsewhere.
"""

from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.requests import HTTPConnection
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import headers, problems
from inbox.settings import Settings

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# These know their callers by something that no other website can make a browser send.
FOREIGN = (
    "/hooks/",  # platforms: a signature over the body
    "/api/v1/",  # programs: a bearer token
    "/widget/",  # visitors of other websites: an origin allow-list of its own, and no cookie
    "/healthz/",  # nobody: it says one word and reads nothing
)


def install(app: FastAPI) -> None:
    """Wrap the app."""
    app.add_middleware(Guard)


class Guard:
    """Refuses what another website caused, and gives every answer its headers; a route may set stricter ones itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        settings: Settings = scope["app"].state.house.settings
        extra = headers.of(settings)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = MutableHeaders(scope=message)
                for name, value in extra.items():
                    given.setdefault(name, value)
            await send(message)

        if _is_allowed(HTTPConnection(scope), settings):
            await self.app(scope, receive, send_with_headers)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "from another website"})  # before accept: the browser sees 403
        else:
            refusal = problems.answer(
                Request(scope), 403, "other_website", "This request came from another website. Open Parley itself and try again."
            )
            await refusal(scope, receive, send_with_headers)


def _is_allowed(connection: HTTPConnection, settings: Settings) -> bool:
    scope = connection.scope
    if scope["type"] == "http" and scope["method"] in SAFE:
        return True
    if scope["path"].startswith(FOREIGN):
        return True
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}  # "none": the person did it, as by reloading a form
    return _is_ours(connection, settings)


def _is_ours(connection: HTTPConnection, settings: Settings) -> bool:
    """Whether `Origin` is the public address, or the very address that was asked."""
    origin = connection.headers.get("origin")
    if origin is None:
        return False
    scheme = {"ws": "http", "wss": "https"}.get(connection.scope["scheme"], connection.scope["scheme"])
    public = urlsplit(settings.public_url)
    return origin.lower() in {f"{public.scheme}://{public.netloc}".lower(), f"{scheme}://{connection.headers.get('host', '')}".lower()}
