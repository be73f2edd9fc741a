"""Errors on their way out: RFC 9457 problem+json for programs and scripts, a page for people."""

import json
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from api import headers as security_headers
from inbox.errors import Invalid, ParleyError, TooMany, Unauthorized
from web import render
from web.i18n import REASON, language, locale_of

log = structlog.get_logger()


class ProblemResponse(JSONResponse):
    """An error that may repeat what was sent, which need not be writable as UTF-8: JSON can name half a character."""

    media_type = "application/problem+json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(errors="replace")


def install(app: FastAPI) -> None:
    """Make every error of the app leave in this form."""
    app.add_exception_handler(ParleyError, _parley)  # pyright: ignore[reportArgumentType]  # starlette types handlers for Exception only
    app.add_exception_handler(RequestValidationError, _validation)  # pyright: ignore[reportArgumentType]
    app.add_exception_handler(HTTPException, _http)  # pyright: ignore[reportArgumentType]
    app.add_exception_handler(DataError, _unstorable)  # pyright: ignore[reportArgumentType]
    app.add_exception_handler(Exception, _unexpected)


async def _parley(request: Request, error: ParleyError) -> Response:
    if isinstance(error, Unauthorized) and _wants_page(request):
        return RedirectResponse(f"/sign-in?next={quote(_asked(request), safe='/')}", status_code=303)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, TooMany) else {}
    if isinstance(error, Unauthorized) and request.url.path.startswith("/api/"):
        headers["WWW-Authenticate"] = "Bearer"
    return refusal(request, error, headers=headers)


def refusal(request: Request, error: ParleyError, *, headers: dict[str, str] | None = None) -> Response:
    """An error of ours, in the reader's language and in the form that the caller reads."""
    locale = locale_of(request.headers.get("accept-language", ""))
    return answer(request, error.status, error.code, sentence(error, locale), headers=headers)


def sentence(error: ParleyError, locale: str) -> str:
    """What the error says, in the reader's language."""
    spoken = language(locale)
    text = spoken.gettext(error.message)
    fields = {name: spoken.sentence(value) if name == REASON else value for name, value in error.fields.items()}
    return text.format(**fields) if fields else text


async def _validation(request: Request, error: RequestValidationError) -> Response:
    fields = [{"field": ".".join(str(part) for part in item["loc"]), "message": item["msg"]} for item in error.errors()]
    first = f"{fields[0]['field']}: {fields[0]['message']}" if fields else "The request could not be read."
    return answer(request, 422, "invalid", first, errors=fields)


async def _http(request: Request, error: HTTPException) -> Response:
    return answer(request, error.status_code, f"http_{error.status_code}", str(error.detail), headers=dict(error.headers or {}))


async def _unstorable(request: Request, error: DataError) -> Response:
    """A NUL or a number that no column holds: what was sent is at fault, not the server. Said without it, since it may be a password."""
    log.warning("a request held what the database does not take", path=request.url.path, error=type(error.orig).__name__)
    refusal = Invalid("This holds a character or a number that cannot be stored.", code="unstorable")
    return await _parley(request, refusal)


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("request failed", path=request.url.path, exc_info=error)
    sentence = "Something went wrong here. Nothing that was saved is lost; the server's log says more."
    # This answer leaves outside of every middleware, so it brings its headers along.
    return answer(request, 500, "error", sentence, headers=security_headers.of(request.app.state.house.settings))


def answer(request: Request, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **more: Any) -> Response:
    """One error, in the form that the caller reads."""
    if _wants_page(request):
        page = render.page("error.html", locale_of(request.headers.get("accept-language", "")), status=status, detail=detail)
        return HTMLResponse(page, status_code=status, headers=headers)
    body = {"type": "about:blank", "title": code, "status": status, "detail": detail, "code": code, **more}
    return ProblemResponse(body, status_code=status, headers=headers)


def _asked(request: Request) -> str:
    """Where to go on after signing in: the page itself, or the start for what was sent by a form."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}" if request.method == "GET" else "/"


def _wants_page(request: Request) -> bool:
    navigates = request.headers.get("sec-fetch-mode", "navigate") == "navigate"
    return navigates and "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
