"""A server of Bluesky on this machine: what a Personal Data Server answers, with what the network's view adds behind it.

Each shape follows its page of https://docs.bsky.app/docs/api/, and what the real server said when it was asked the same (tests/servers):
cursors of notifications are moments, and the next page is strictly before them; a record that is not there is a 400.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.bluesky import ids
from tests.connectors.bluesky.chat import Chat, Denied
from tests.served import listening

PASSWORD = "hunter2-hunter2"
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
Json = dict[str, Any]


class Refusal(Exception):
    """https://atproto.com/specs/xrpc#error-responses"""

    def __init__(self, status: int, error: str = "InvalidRequest", message: str = "", **headers: str) -> None:
        self.status, self.body = status, {"error": error, "message": message or error}
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def person(name: str, **more: Any) -> Json:
    """https://docs.bsky.app/docs/api/app-bsky-actor-get-profile"""
    did = f"did:plc:{hashlib.sha256(name.encode()).hexdigest()[:24]}"
    return {"did": did, "handle": f"{name}.test", "displayName": name.title(), "labels": [], "viewer": {"muted": False}} | more


US, ANNA, BERND = person("shop"), person("anna"), person("bernd")


@dataclass
class Network:
    """Everybody's posts, what the account is told, and what is to go wrong."""

    posts: dict[str, Json] = field(default_factory=dict[str, Json])  # by address, as they are shown
    notifications: list[Json] = field(default_factory=list[Json])
    records: dict[str, Json] = field(default_factory=dict[str, Json])  # of our own that are no posts
    blobs: list[bytes] = field(default_factory=list[bytes])
    requests: list[str] = field(default_factory=list[str])
    refusals: dict[str, list[Refusal | Response]] = field(default_factory=dict[str, "list[Refusal | Response]"])  # by method
    people: list[Json] = field(default_factory=lambda: [US, ANNA, BERND])
    hidden: set[str] = field(default_factory=set[str])  # posts of those who block us
    password: str = PASSWORD
    lost_answers: int = 0  # to records that were written
    has_expired: bool = False
    chat: Chat = field(default_factory=lambda: Chat(US))
    is_privileged: bool = True  # the app password allows private messages
    headers: dict[str, str] = field(default_factory=dict[str, str])
    address: str = ""
    _sessions: int = 0
    _access: str = ""
    _refresh: str = ""

    def say(self, by: Json, text: str, *, answering: Json | None = None, reason: str = "", **more: Any) -> Json:
        """Somebody posts, and the account is told where it is for us."""
        post = self.add(by, text, answering=answering, **more)
        is_named = any(US["did"] == feature.get("did") for facet in post["record"].get("facets", []) for feature in facet["features"])
        is_answer = answering is not None and answering["author"]["did"] == US["did"]
        reason = reason or ("reply" if is_answer else "mention" if is_named else "")
        if by["did"] != US["did"] and reason:
            self.notify(reason, by, post, answering["uri"] if is_answer and answering else None)
        return post

    def add(self, by: Json, text: str, *, answering: Json | None = None, key: str = "", at: datetime | None = None, **more: Any) -> Json:
        """https://docs.bsky.app/docs/api/app-bsky-feed-get-posts: a post, and nobody is told."""
        at = at or MORNING + timedelta(seconds=len(self.posts))
        shown = {name: more.pop(name) for name in ("embed", "viewer") if name in more}
        record: Json = {"$type": ids.POST, "text": text, "createdAt": stamp(at), **more.pop("record", {}), **more}
        if answering is not None:
            root = answering["record"].get("reply", {}).get("root") or reference(answering)
            record["reply"] = {"root": root, "parent": reference(answering)}
        uri = ids.join(by["did"], ids.POST, key or ids.tid(int(at.timestamp() * 1_000_000), len(self.posts)))
        self.posts[uri] = {
            "uri": uri, "cid": cid(record), "author": by, "record": record, "replyCount": 0, "repostCount": 0, "likeCount": 0,
            "quoteCount": 0, "bookmarkCount": 0, "indexedAt": stamp(at), "viewer": {}, "labels": [],
        } | shown  # fmt: skip
        return self.posts[uri]

    def notify(self, reason: str, by: Json, about: Json, subject: str | None = None, **more: Any) -> Json:
        """https://docs.bsky.app/docs/api/app-bsky-notification-list-notifications"""
        told = {name: about[name] for name in ("uri", "cid", "record", "indexedAt")} | {"author": by, "reason": reason, "isRead": False}
        self.notifications.append(told | ({"reasonSubject": subject} if subject else {}) | more)
        return self.notifications[-1]

    def react(self, by: Json, post: Json, reason: str = "like") -> Json:
        """Somebody likes a post, or passes it on."""
        at = stamp(MORNING + timedelta(hours=1, seconds=len(self.notifications)))
        record = {"$type": f"app.bsky.feed.{reason}", "subject": reference(post), "createdAt": at}
        uri = ids.join(by["did"], f"app.bsky.feed.{reason}", ids.tid(len(self.notifications)))
        return self.notify(reason, by, {"uri": uri, "cid": cid(record), "record": record, "indexedAt": at}, post["uri"])

    def delete(self, post: Json) -> None:
        del self.posts[post["uri"]]
        self.notifications = [told for told in self.notifications if told["uri"] != post["uri"]]

    def expire(self) -> None:
        """The first token of the session is too old."""
        self.has_expired = True

    async def answer(self, request: Request) -> Response:
        """Any request (https://docs.bsky.app/docs/api/at-protocol-xrpc-api)."""
        method = request.path_params["method"]
        self.requests.append(method)
        try:
            waiting = self.refusals.get(method)
            if waiting:
                refusal = waiting.pop(0)
                if isinstance(refusal, Response):
                    return refusal
                raise refusal
            told = await self._answer(request, method)
            return JSONResponse(told, headers=self.headers)
        except Refusal as refusal:
            return JSONResponse(refusal.body, refusal.status, headers=refusal.headers)

    async def _answer(self, request: Request, method: str) -> Json:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if method == "com.atproto.server.createSession":
            return self._sign_in(await request.json())
        if method == "com.atproto.server.refreshSession":
            return self._renew(token)
        if method == "com.atproto.repo.getRecord":
            return self._record(dict(request.query_params))
        if token != self._access:
            raise Refusal(400, "InvalidToken", f"Token {token} could not be verified")
        if self.has_expired:
            raise Refusal(400, "ExpiredToken", "Token has expired")
        if method.startswith("chat.bsky."):
            return await self._chatted(request, method)
        if request.method == "GET":
            return self._read(method, request)
        if method == "com.atproto.repo.uploadBlob":
            self.blobs.append(await request.body())
            blob = {"$type": "blob", "ref": {"$link": cid({"n": len(self.blobs)})}, "mimeType": request.headers["content-type"]}
            return {"blob": blob | {"size": len(self.blobs[-1])}}
        return self._write(method, await request.json())

    async def _chatted(self, request: Request, method: str) -> Json:
        """What the server passes on, to the service that the header names (https://atproto.com/specs/xrpc#service-proxying)."""
        if not self.is_privileged:
            raise Refusal(400, "InvalidToken", "Bad token method")
        if request.headers.get("atproto-proxy") != "did:web:api.bsky.chat#bsky_chat":
            raise Refusal(404, "XRPCNotSupported", "XRPCNotSupported")
        try:
            if request.method == "GET":
                return self.chat.read(method, request.query_params)
            told = self.chat.write(method, await request.json())
        except Denied as error:
            raise Refusal(400, str(error)) from None
        if told is None:
            raise Refusal(500, "InternalServerError")
        return told

    def _sign_in(self, asked: Json) -> Json:
        """https://docs.bsky.app/docs/api/com-atproto-server-create-session"""
        if asked != {"identifier": US["handle"], "password": self.password}:
            raise Refusal(401, "AuthenticationRequired", "Invalid identifier or password")
        return self._session()

    def _renew(self, token: str) -> Json:
        """https://docs.bsky.app/docs/api/com-atproto-server-refresh-session"""
        if token != self._refresh:
            raise Refusal(400, "ExpiredToken", "Token has been revoked")
        return self._session()

    def _session(self) -> Json:
        self._sessions += 1
        self.has_expired = False
        self._access, self._refresh = f"access-{PASSWORD}-{self._sessions}", f"refresh-{PASSWORD}-{self._sessions}"
        return {"did": US["did"], "handle": US["handle"], "accessJwt": self._access, "refreshJwt": self._refresh, "active": True}

    def _read(self, method: str, request: Request) -> Json:
        asked = request.query_params
        match method:
            case "app.bsky.actor.getProfile":
                return US
            case "app.bsky.notification.listNotifications":
                return self._notified(int(asked.get("limit", 50)), asked.get("cursor"))
            case "app.bsky.feed.getPosts":
                uris = asked.getlist("uris")
                if len(uris) > 25:
                    raise Refusal(400, message="Error: uris must not have more than 25 elements")
                return {"posts": [self.posts[uri] for uri in uris if uri in self.posts and uri not in self.hidden]}
            case "app.bsky.feed.getPostThread":
                return {"thread": self._thread(asked["uri"], int(asked.get("depth", 6)), int(asked.get("parentHeight", 80)))}
            case "com.atproto.repo.listRecords":
                return self._listed(asked.get("reverse") == "true", int(asked.get("limit", 50)), asked.get("cursor"))
            case "com.atproto.identity.resolveHandle":
                did = next((one["did"] for one in self.people if one["handle"] == asked["handle"]), None)
                if did is None:
                    raise Refusal(400, message="Unable to resolve handle")
                return {"did": did}
            case _:
                raise Refusal(501, "MethodNotImplemented")

    def _notified(self, limit: int, cursor: str | None) -> Json:
        found = sorted(self.notifications, key=lambda told: told["indexedAt"], reverse=True)
        page = [told for told in found if cursor is None or told["indexedAt"] < cursor][:limit]
        return {"notifications": page, "priority": False} | ({"cursor": page[-1]["indexedAt"]} if page else {})

    def _thread(self, uri: str, depth: int, height: int) -> Json:
        """https://docs.bsky.app/docs/api/app-bsky-feed-get-post-thread"""
        if uri not in self.posts:
            raise Refusal(400, "NotFound", f"Post not found: {uri}")
        thread = self._shown(uri)
        one = thread
        while height and "post" in one and "reply" in one["post"]["record"]:
            one["parent"] = self._shown(one["post"]["record"]["reply"]["parent"]["uri"])
            one, height = one["parent"], height - 1
        self._reply(thread, depth)
        return thread

    def _reply(self, thread: Json, depth: int) -> None:
        if depth and "post" in thread:
            uri = thread["post"]["uri"]
            below = [one for one in self.posts.values() if one["record"].get("reply", {}).get("parent", {}).get("uri") == uri]
            thread["replies"] = [self._shown(one["uri"]) for one in below]
            for reply in thread["replies"]:
                self._reply(reply, depth - 1)

    def _shown(self, uri: str) -> Json:
        if uri not in self.posts:
            return {"$type": "app.bsky.feed.defs#notFoundPost", "uri": uri, "notFound": True}
        if uri in self.hidden:
            return {"$type": "app.bsky.feed.defs#blockedPost", "uri": uri, "blocked": True, "author": {"did": ids.split(uri).repo}}
        return {"$type": "app.bsky.feed.defs#threadViewPost", "post": self.posts[uri], "threadContext": {}}

    def _listed(self, is_reverse: bool, limit: int, cursor: str | None) -> Json:
        """https://docs.bsky.app/docs/api/com-atproto-repo-list-records"""
        own = sorted((one for one in self.posts.values() if one["author"]["did"] == US["did"]), key=lambda one: one["uri"])
        keys = [ids.split(one["uri"]).key for one in own]
        if cursor is not None:
            own = [one for one, key in zip(own, keys, strict=True) if (key > cursor if is_reverse else key < cursor)]
        page = own[:limit] if is_reverse else own[::-1][:limit]
        records = [{"uri": one["uri"], "cid": one["cid"], "value": one["record"]} for one in page]
        return {"records": records} | ({"cursor": ids.split(page[-1]["uri"]).key} if page else {})

    def _record(self, asked: Json) -> Json:
        """https://docs.bsky.app/docs/api/com-atproto-repo-get-record"""
        uri = ids.join(asked["repo"], asked["collection"], asked["rkey"])
        record = self.posts[uri]["record"] if uri in self.posts else self.records.get(uri)
        if record is None:
            raise Refusal(400, "RecordNotFound", f"Could not locate record: {uri}")
        return {"uri": uri, "cid": cid(record), "value": record}

    def _write(self, method: str, asked: Json) -> Json:
        """https://docs.bsky.app/docs/api/com-atproto-repo-put-record and …-delete-record"""
        uri = ids.join(asked["repo"], asked["collection"], asked["rkey"])
        there = self.posts[uri]["record"] if uri in self.posts else self.records.get(uri)
        if method == "com.atproto.repo.deleteRecord":
            self.posts.pop(uri, None)
            self.records.pop(uri, None)
            return {}
        record = asked["record"]
        if "swapRecord" in asked and asked["swapRecord"] != (cid(there) if there else None):
            raise Refusal(400, "InvalidSwap", f"Record was at {cid(there) if there else None}")
        if asked["collection"] != ids.POST:
            self.records[uri] = record
        elif len(record["text"]) > 300:
            raise Refusal(400, message="Invalid app.bsky.feed.post record: grapheme too big (maximum 300) at $.record.text")
        else:
            at = datetime.fromisoformat(record["createdAt"])
            self.add(US, record["text"], key=asked["rkey"], at=at, record=record)
        if self.lost_answers:
            self.lost_answers -= 1
            raise Refusal(500, "InternalServerError")
        return {"uri": uri, "cid": cid(record), "validationStatus": "valid"}


def reference(post: Json) -> Json:
    return {"uri": post["uri"], "cid": post["cid"]}


def naming(who: Json, text: str, shown: str | None = None) -> list[Json]:
    """The facet that makes a part of a text, or all of it, somebody's name (https://docs.bsky.app/docs/advanced-guides/post-richtext)."""
    shown = text if shown is None else shown
    start = len(text.partition(shown)[0].encode())
    feature = {"$type": "app.bsky.richtext.facet#mention", "did": who["did"]}
    return [{"index": {"byteStart": start, "byteEnd": start + len(shown.encode())}, "features": [feature]}]


def pictures(*described: str) -> Json:
    """https://docs.bsky.app/docs/advanced-guides/posts#images-embeds"""
    address = "https://cdn.bsky.example/img/{}/plain/{}@jpeg"
    shown = [{"thumb": address.format("t", n), "fullsize": address.format("f", n), "alt": alt} for n, alt in enumerate(described)]
    return {"$type": "app.bsky.embed.images#view", "images": shown}


def cid(record: Json) -> str:
    return f"bafy{hashlib.sha256(repr(sorted(record.items())).encode()).hexdigest()}"


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@asynccontextmanager
async def serving(network: Network) -> AsyncIterator[str]:
    """The address of this server."""
    routes: Sequence[Route] = [Route("/xrpc/{method}", network.answer, methods=["GET", "POST"])]
    async with listening(Starlette(routes=routes)) as network.address:
        yield network.address
