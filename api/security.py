"""Where unsafe requests may come from, and the headers of every answer.

A browser sends the session's cookie with requests that other websites cause. So an unsafe method and a websocket are accepted only from our
own pages: `Sec-Fetch-Site` says where a request comes from, in every browser of today on https and localhost; `Origin` says it elsewhere.

A browser also believes whatever the name server of another website says: its name can lead to our address, and its scripts are then "our
own pages". So only names that are known to be ours are answered; a plain address is nobody's name.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.requests import HTTPConnection
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import headers, problems
from inbox.errors import ParleyError
from inbox.settings import Settings

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# These know their callers by something that no other website can make a browser send.
FOREIGN = (
    "/hooks/",  # platforms: a signature over the body
    "/api/v1/",  # programs: a bearer token
    "/widget/",  # visitors of other websites: an origin allow-list of its own, and no cookie
    "/healthz/",  # nobody: it says one word and reads nothing
)
# Probes ask by whatever address they know; these tell nothing that is worth a trick.
NAMELESS = frozenset({"/healthz", "/healthz/socket", "/readyz"})
HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[^\s:@/\[\]]+))(?::\d{1,5})?", re.IGNORECASE)


class OtherHost(ParleyError):
    """Asked by a name that is not known to be ours."""

    status = 421
    code = "other_host"


def install(app: FastAPI) -> None:
    """Wrap the app."""
    app.add_middleware(Guard)


class Guard:
    """Refuses what another name or website caused, and gives every answer its headers; a route may set stricter ones itself."""

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

        connection = HTTPConnection(scope)
        is_ours = _is_known(connection, settings)
        if is_ours and _is_allowed(connection, settings):
            await self.app(scope, receive, send_with_headers)
        elif scope["type"] == "websocket":
            reason = "from another website" if is_ours else "by another name"
            await send({"type": "websocket.close", "code": 1008, "reason": reason})  # before accept: the browser sees 403
        else:
            refusal = _refuse_website(Request(scope)) if is_ours else _refuse_name(Request(scope))
            await refusal(scope, receive, send_with_headers)


def _refuse_website(request: Request) -> Response:
    return problems.answer(request, 403, "other_website", "This request came from another website. Open Parley itself and try again.")


def _refuse_name(request: Request) -> Response:
    named = OtherHost(
        "Parley does not answer to the name “{host}”. If it is the right one, add it to PARLEY_ALLOWED_HOSTS, or set PARLEY_URL, and start "
        "Parley again.",
        host=request.headers.get("host", "")[:100],
    )
    return problems.refusal(request, named)


def _is_known(connection: HTTPConnection, settings: Settings) -> bool:
    """Whether the host asked for is a plain address, or a name of ours. Its port says nothing: an attacker's page has ours too."""
    if connection.scope["path"] in NAMELESS:
        return True
    hosts = connection.headers.getlist("host")
    found = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if found is None:
        return False
    name = (found["six"] or found["name"]).rstrip(".").lower()
    if name in settings.known_hosts:
        return True
    try:
        return ipaddress.ip_address(name).version == (6 if found["six"] else 4)
    except ValueError:
        return False


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
