"""A Mastodon server on this machine, as https://docs.joinmastodon.org/methods/ describes it; another client checks it (tests/servers).

What it does beyond the documents is what Mastodon's source does: a delete is told to those who are mentioned, an edit only to followers;
lists begin with the newest even where `min_id` asks for the oldest of them; the live stream begins with a sign of life.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.served import listening

TOKEN = "hunter2-hunter2-hunter2"
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
CHARACTERS = 500
Json = dict[str, Any]


class Refusal(Exception):
    def __init__(self, status: int, error: str, **headers: str) -> None:
        self.status, self.error, self.headers = status, error, {name.replace("_", "-"): value for name, value in headers.items()}


def account(name: str, **more: Any) -> Json:
    """https://docs.joinmastodon.org/entities/Account/"""
    local, _, domain = name.partition("@")
    number = str(1000 + sum(map(ord, name)))
    url = f"https://{domain or 'mastodon.example'}/@{local}"
    shape: Json = {
        "id": number, "username": local, "acct": name, "display_name": local.title(), "locked": False, "bot": False, "group": False,
        "discoverable": True, "created_at": "2022-08-27T00:00:00.000Z", "note": "<p>Hello</p>", "url": url, "uri": url,
        "avatar": f"{url}/avatar.png", "avatar_static": f"{url}/avatar.png", "header": f"{url}/header.png",
        "header_static": f"{url}/header.png", "followers_count": 0, "following_count": 0, "statuses_count": 0,
        "last_status_at": None, "emojis": [], "fields": [], "roles": [],
    }  # fmt: skip
    return shape | more


US, ANNA, BERND = account("shop"), account("anna@far.example"), account("bernd")


@dataclass
class Mastodon:
    """The account's server: what is said there, and what is to go wrong."""

    statuses: dict[str, Json] = field(default_factory=dict[str, Json])  # in the order in which they came
    notifications: list[Json] = field(default_factory=list[Json])
    media: dict[str, Json] = field(default_factory=dict[str, Json])
    posted: list[Json] = field(default_factory=list[Json])
    requests: list[str] = field(default_factory=list[str])
    refusals: dict[str, list[Refusal | Response]] = field(default_factory=dict[str, "list[Refusal | Response]"])  # by "GET /path"
    keys: dict[str, str] = field(default_factory=dict[str, str])
    ears: list[asyncio.Queue[bytes]] = field(default_factory=list[asyncio.Queue[bytes]])
    scopes: list[str] = field(default_factory=lambda: ["read", "write"])
    lists_statuses: bool = True
    has_stream: bool = True
    lost_answers: int = 0  # to statuses that were posted
    looks_at_media: int = 0  # how often a file is still being worked on
    address: str = ""
    _next: int = 103_186_000
    _closing: bool = False

    def say(self, by: Json, text: str, *, to: Iterable[Json] = (US,), answering: Json | str | None = None, **more: Any) -> Json:
        """Somebody posts; those who are mentioned are notified (https://docs.joinmastodon.org/entities/Status/)."""
        status = self.add(by, text, to=to, answering=answering, **more)
        self.posted.append(status)
        if by["id"] == US["id"]:
            self.push("update", status)
        elif any(person["id"] == US["id"] for person in to):
            self.notify("mention", by, status)
        return status

    def add(self, by: Json, text: str, *, to: Iterable[Json] = (), answering: Json | str | None = None, **more: Any) -> Json:
        """Somebody has posted, and nobody was told."""
        self._next += 1
        number = str(more.pop("id", self._next))
        parent = self.statuses.get(answering) if isinstance(answering, str) else answering
        url = f"{by['url']}/{number}"
        status: Json = {
            "id": number, "created_at": stamp(more.pop("at", MORNING + timedelta(seconds=len(self.statuses)))), "edited_at": None,
            "in_reply_to_id": parent["id"] if parent else None, "in_reply_to_account_id": parent["account"]["id"] if parent else None,
            "sensitive": False, "spoiler_text": "", "visibility": "public", "language": "en", "uri": url, "url": url,
            "replies_count": 0, "reblogs_count": 0, "favourites_count": 0, "quotes_count": 0, "favourited": False, "reblogged": False,
            "muted": False, "bookmarked": False, "content": html(text, to), "filtered": [], "reblog": None, "account": by,
            "media_attachments": [], "mentions": [mention(person) for person in to], "tags": [], "emojis": [], "quote": None,
            "card": None, "poll": None,
        }  # fmt: skip
        self.statuses[number] = status | more
        if parent and parent["id"] in self.statuses:
            self.statuses[parent["id"]]["replies_count"] += 1
        return self.statuses[number]

    def notify(self, kind: str, by: Json, status: Json | None = None, **more: Any) -> Json:
        """https://docs.joinmastodon.org/entities/Notification/"""
        self._next += 1
        number = str(self._next)
        at = status["created_at"] if status else stamp(MORNING)
        told = {"id": number, "type": kind, "created_at": at, "group_key": f"ungrouped-{number}", "account": by} | more
        if status is not None:
            told["status"] = status
        self.notifications.append(told)
        self.push("notification", told)
        return told

    def edit(self, status: Json, text: str, *, live: bool = True) -> None:
        before = self.statuses[status["id"]]
        people = [{"acct": one["acct"], "url": one["url"], "username": one["username"]} for one in before["mentions"]]
        before |= {"content": html(text, people), "edited_at": stamp(MORNING + timedelta(hours=1, seconds=len(text)))}
        if live:
            self.push("status.update", before)

    def delete(self, status: Json, *, live: bool = True) -> None:
        del self.statuses[status["id"]]
        self.notifications = [told for told in self.notifications if told.get("status", {}).get("id") != status["id"]]
        if live:
            self.push("delete", status["id"])

    def push(self, kind: str, payload: Any) -> None:
        """An event of the live stream; JSON as Node writes it, with every character that it need not escape."""
        data = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
        self.send(f"event: {kind}\ndata: {data}\n\n".encode())

    def send(self, raw: bytes) -> None:
        for ear in self.ears:
            ear.put_nowait(raw)

    def hang_up(self) -> None:
        self.send(b"")

    async def answer(self, request: Request) -> Response:
        """Any request of the REST API."""
        path = request.url.path.rstrip("/")  # as Rails takes it
        self.requests.append(f"{request.method} {path}")
        if request.headers.get("authorization") != f"Bearer {TOKEN}" and "instance" not in path:
            return refused(Refusal(401, "The access token is invalid"))
        try:
            waiting = self.refusals.get(f"{request.method} {path}")
            if waiting:
                refusal = waiting.pop(0)
                if isinstance(refusal, Response):
                    return refusal
                raise refusal
            return await self._answer(request, path.split("/")[3:])
        except Refusal as refusal:
            return refused(refusal)

    async def _answer(self, request: Request, parts: list[str]) -> Response:
        if request.method == "GET":
            return self._read(request, parts)
        match request.method, parts:
            case "POST", ["statuses"]:
                told = await self._post(request)
                if self.lost_answers:
                    self.lost_answers -= 1
                    raise Refusal(500, "")
                return answered(told)
            case "POST", ["statuses", number, "favourite"]:
                self._status(number)["favourited"] = True
                return answered(self._status(number))
            case "DELETE", ["statuses", number]:
                status = self._status(number)
                self.delete(status)
                return answered(status)
            case "POST", ["media"]:
                return await self._upload(request)
            case _:
                raise Refusal(404, "Record not found")

    def _read(self, request: Request, parts: list[str]) -> Response:
        match parts:
            case ["accounts" | "apps" as whose, "verify_credentials"]:
                about_us = US | {"source": {"privacy": "public", "note": "Hello"}}
                return answered(about_us if whose == "accounts" else {"name": "Parley", "website": None, "scopes": self.scopes})
            case ["instance"]:
                return answered(self._instance(2 if "/v2/" in request.url.path else 1))
            case ["notifications"]:
                return page(request, self.notifications, 40, 80)
            case ["accounts", number, "statuses"]:
                return page(request, [status for status in self.statuses.values() if status["account"]["id"] == number], 20, 40)
            case ["statuses"]:
                return self._some(request.query_params.getlist("id[]"))
            case ["statuses", number]:
                return answered(self._status(number))
            case ["statuses", number, "context"]:
                return answered(self._context(self._status(number)))
            case ["media", number]:
                self.looks_at_media -= 1
                return answered(self.media[number], 200 if self.looks_at_media <= 0 else 206)
            case _:
                raise Refusal(404, "Record not found")

    def _status(self, number: str) -> Json:
        if number not in self.statuses:
            raise Refusal(404, "Record not found")
        return self.statuses[number]

    def _some(self, numbers: list[str]) -> Response:
        """https://docs.joinmastodon.org/methods/statuses/#index"""
        if not self.lists_statuses:
            raise Refusal(404, "Record not found")
        if len(numbers) > 20:
            raise Refusal(422, "Validation failed")
        return answered([self.statuses[number] for number in numbers if number in self.statuses])

    def _context(self, status: Json) -> Json:
        """https://docs.joinmastodon.org/methods/statuses/#context"""
        above: list[Json] = []
        child = status
        while (parent := self.statuses.get(child["in_reply_to_id"] or "")) is not None:
            above.insert(0, parent)
            child = parent
        return {"ancestors": above, "descendants": self._below(status["id"])}

    def _below(self, number: str) -> list[Json]:
        found: list[Json] = []
        for status in self.statuses.values():
            if status["in_reply_to_id"] == number:
                found += [status, *self._below(status["id"])]
        return found

    async def _post(self, request: Request) -> Json:
        """https://docs.joinmastodon.org/methods/statuses/#create"""
        key = request.headers.get("idempotency-key", "")
        if key in self.keys:
            return self._status(self.keys[key])
        asked = await given(request)
        text = str(asked.get("status", ""))
        media = [self.media[number] for number in asked.get("media_ids", [])]
        if not text and not media:
            raise Refusal(422, "Validation failed: Text can't be blank")
        if len(text) > CHARACTERS:
            raise Refusal(422, f"Validation failed: Text character limit of {CHARACTERS} exceeded")
        parent = asked.get("in_reply_to_id")
        if parent and parent not in self.statuses:
            raise Refusal(404, "The post you are trying to reply to does not appear to exist.")
        people = [person for person in (ANNA, BERND) if f"@{person['acct']}" in text]
        shape = {name: asked[name] for name in ("visibility", "spoiler_text", "language") if asked.get(name)}
        words = text
        for person in people:
            words = words.replace(f"@{person['acct']} ", "", 1)
        status = self.say(US, words, to=people, answering=parent, media_attachments=media, at=datetime.now(UTC), **shape)
        if key:
            self.keys[key] = status["id"]
        return status

    async def _upload(self, request: Request) -> Response:
        """https://docs.joinmastodon.org/methods/media/#v2"""
        asked = await given(request)
        name, content, kind = asked["file"]
        number = str(22_348_641 + len(self.media))
        url = f"https://files.mastodon.example/{number}/original/{name}"
        self.media[number] = {
            "id": number, "type": kind.split("/")[0], "url": url, "preview_url": url, "remote_url": None, "text_url": None,
            "meta": {}, "description": asked.get("description"), "blurhash": None, "bytes": len(content),
        }  # fmt: skip
        if self.looks_at_media:
            return answered(self.media[number] | {"url": None}, 202)
        return answered(self.media[number])

    def _instance(self, version: int) -> Json:
        """https://docs.joinmastodon.org/entities/Instance/"""
        statuses = {"max_characters": CHARACTERS, "max_media_attachments": 4, "characters_reserved_per_url": 23}
        streaming = self.address.replace("http:", "ws:")
        shape: Json = {"title": "Example", "version": "4.5.0", "description": "", "languages": ["en"], "rules": [], "contact": {}}
        if version == 1:
            return shape | {"uri": "mastodon.example", "urls": {"streaming_api": streaming}, "configuration": {"statuses": statuses}}
        urls = {"streaming": streaming}
        return shape | {
            "domain": "mastodon.example",
            "configuration": {"urls": urls, "statuses": statuses},
            "api_versions": {"mastodon": 7},
        }

    async def listen(self, request: Request) -> Response:
        """https://docs.joinmastodon.org/methods/streaming/#user"""
        self.requests.append(f"GET {request.url.path}")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return refused(Refusal(401, "The access token is invalid"))
        if not self.has_stream:
            return PlainTextResponse("Not found", 404)
        ear: asyncio.Queue[bytes] = asyncio.Queue()
        self.ears.append(ear)

        async def events() -> AsyncIterator[bytes]:
            try:
                yield b":)\n"
                while (raw := await ear.get()) and not self._closing:
                    yield raw
            finally:
                self.ears.remove(ear)

        return StreamingResponse(events(), media_type="text/event-stream")


def mention(person: Json) -> Json:
    return {name: person[name] for name in ("id", "username", "url", "acct")}


def html(text: str, to: Iterable[Json] = ()) -> str:
    """Text as Mastodon writes it: names in front as cards, empty lines part paragraphs."""
    names = "".join(
        f'<span class="h-card"><a href="{person["url"]}" class="u-url mention">@<span>{person["username"]}</span></a></span> '
        for person in to
    )
    paragraphs = escape(text).split("\n\n")
    return f"<p>{names}" + "</p><p>".join(part.replace("\n", "<br />") for part in paragraphs) + "</p>"


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def page(request: Request, entries: list[Json], usual: int, most: int) -> Response:
    """https://docs.joinmastodon.org/api/guidelines/#pagination: the newest first, whatever was asked for."""
    asked = request.query_params
    limit = min(int(asked.get("limit", usual)), most)
    after, before = int(asked.get("min_id") or asked.get("since_id") or 0), int(asked.get("max_id") or 2**63)
    found = [entry for entry in entries if not entry["id"].isdecimal() or after < int(entry["id"]) < before]
    found = found[:limit] if "min_id" in asked else found[-limit:]
    headers = {}
    if found:
        base = str(request.url).partition("?")[0]
        headers["link"] = f'<{base}?max_id={found[0]["id"]}>; rel="next", <{base}?min_id={found[-1]["id"]}>; rel="prev"'
    return answered(found[::-1], **headers)


def answered(content: Any, status: int = 200, **headers: str) -> Response:
    reset = stamp(datetime.now(UTC) + timedelta(minutes=5))
    limits = {"x-ratelimit-limit": "300", "x-ratelimit-remaining": "299", "x-ratelimit-reset": reset}
    return JSONResponse(content, status, headers=limits | headers)


def refused(refusal: Refusal) -> Response:
    return JSONResponse({"error": refusal.error}, refusal.status, headers=refusal.headers)


async def given(request: Request) -> Json:
    """Parameters as JSON or a form (https://docs.joinmastodon.org/client/intro/#parameters)."""
    if request.headers.get("content-type", "").startswith("application/json"):
        return await request.json()
    found: Json = {}
    async with request.form() as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                found[name] = (value.filename, await value.read(), value.content_type)
            elif name.endswith("[]"):
                found.setdefault(name[:-2], []).append(value)
            else:
                found[name] = value
    return found


@asynccontextmanager
async def serving(mastodon: Mastodon) -> AsyncIterator[str]:
    """The address of this server."""
    routes = [
        Route("/api/v1/streaming/user", mastodon.listen),
        Route("/api/{version}/{path:path}", mastodon.answer, methods=["GET", "POST", "DELETE"]),
    ]
    async with listening(Starlette(routes=routes)) as address:
        try:
            mastodon.address = address
            yield mastodon.address
        finally:
            mastodon._closing = True
            mastodon.hang_up()
