"""X on this machine, as far as its documents describe it (https://docs.x.com/x-api). Requests have to be signed rightly."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from connectors.x.signing import signature
from tests.connectors.served import Fake, Json, told

KEY, SECRET = "hunter2-consumer-key", "hunter2-consumer-secret"
US = "2244994945"
TOKEN, TOKEN_SECRET = f"{US}-hunter2hunter2hunter2", "hunter2-token-secret"
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
PROBLEMS = "https://api.x.com/2/problems/"
NAMES = {"us": US, "anna": "11", "bernd": "12", "carla": "13"}


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def problem(status: int, kind: str = "about:blank", **more: Any) -> Response:
    """https://docs.x.com/x-api/fundamentals/response-codes-and-errors"""
    address = kind if ":" in kind else f"{PROBLEMS}{kind}"
    return told({"title": "No", "detail": f"The token {TOKEN} may not", "type": address, "status": status} | more, status)


@dataclass
class X(Fake):
    """`posts` and `directs` by id, in the order in which they were written."""

    posts: dict[str, Json] = field(default_factory=dict[str, Json])
    directs: dict[str, Json] = field(default_factory=dict[str, Json])
    media: list[Json] = field(default_factory=list[Json])
    given: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    limits: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])  # by path: how many, and how many are left
    page: int = 100
    lost_answers: int = 0
    _next: int = 1000

    def say(self, by: str, text: str, *, answering: Json | None = None, quoting: Json | None = None, **more: Any) -> Json:
        """https://docs.x.com/x-api/fundamentals/data-dictionary#tweet"""
        self._next += 1
        name = str(more.pop("id", self._next))
        references = [{"type": "replied_to", "id": answering["id"]}] if answering else []
        references += [{"type": "quoted", "id": quoting["id"]}] if quoting else []
        post: Json = {
            "id": name, "text": escape(text, quote=False), "author_id": NAMES.get(by, by), "edit_history_tweet_ids": [name],
            "created_at": stamp(more.pop("at", MORNING + timedelta(minutes=self._next))),
            "conversation_id": answering["conversation_id"] if answering else name,
        }  # fmt: skip
        post |= {"in_reply_to_user_id": answering["author_id"]} if answering else {}
        post |= {"referenced_tweets": references} if references else {}
        self.posts[name] = post | more
        return self.posts[name]

    def edit(self, post: Json, text: str) -> Json:
        """An edit is a post of its own, and takes the place of the one before."""
        del self.posts[post["id"]]
        self._next += 1
        name = str(self._next)
        history = [*post["edit_history_tweet_ids"], name]
        self.posts[name] = post | {"id": name, "text": escape(text, quote=False), "edit_history_tweet_ids": history}
        return self.posts[name]

    def write(self, by: str, text: str, *, conversation: str = "11-2244994945", **more: Any) -> Json:
        """https://docs.x.com/x-api/direct-messages/lookup/integrate"""
        self._next += 1
        name = str(more.pop("id", self._next))
        at = stamp(more.pop("at", MORNING + timedelta(minutes=self._next)))
        self.directs[name] = {
            "id": name, "event_type": "MessageCreate", "text": text, "sender_id": NAMES.get(by, by), "dm_conversation_id": conversation,
            "created_at": at,
        } | more  # fmt: skip
        return self.directs[name]

    async def respond(self, request: Request) -> Response:
        if not self._is_signed(request):
            return problem(401)
        path = request.url.path
        response = await (self._read(request, path) if request.method == "GET" else self._change(request, path))
        most, left = self.limits.get(path, (450, 400))
        reset = int((datetime.now(UTC) + timedelta(minutes=15)).timestamp())
        limits = {"x-rate-limit-limit": str(most), "x-rate-limit-remaining": str(left), "x-rate-limit-reset": str(reset)}
        response.headers.update(limits)
        return response

    def _is_signed(self, request: Request) -> bool:
        """https://docs.x.com/resources/fundamentals/authentication/oauth-1-0a/authorizing-a-request"""
        shown = {name: unquote(value) for name, value in re.findall(r'(\w+)="([^"]*)"', request.headers.get("authorization", ""))}
        proof = shown.pop("oauth_signature", "")
        params = {**dict(request.query_params), **shown}
        address = str(request.url).partition("?")[0]
        return shown.get("oauth_token") == TOKEN and proof == signature(request.method, address, params, SECRET, TOKEN_SECRET)

    async def _read(self, request: Request, path: str) -> Response:
        asked = request.query_params
        match path.strip("/").split("/"):
            case ["2", "users", "me"]:
                return told({"data": self._user(US)})
            case ["2", "users", _, "mentions"]:
                return self._page(asked, [post for post in self.posts.values() if post["author_id"] != US and self._is_for_us(post)])
            case ["2", "users", _, "tweets"]:
                return self._page(asked, [post for post in self.posts.values() if post["author_id"] == US])
            case ["2", "dm_events"]:
                return self._page(asked, list(self.directs.values()))
            case ["2", "tweets"]:
                return self._some(asked["ids"].split(","))
            case _:
                return problem(404)

    def _is_for_us(self, post: Json) -> bool:
        return post.get("in_reply_to_user_id") == US or "@ourshop" in post["text"] or "quoted" in str(post.get("referenced_tweets"))

    def _page(self, asked: Any, entries: list[Json]) -> Response:
        """Timelines: https://docs.x.com/x-api/posts/timelines/integrate; `since_id` is excluded, the newest comes first."""
        entries = sorted(entries, key=lambda entry: entry["created_at"] + entry["id"].zfill(20), reverse=True)
        if asked.get("since_id"):
            entries = [entry for entry in entries if int(entry["id"]) > int(asked["since_id"])]
        start, size = int(asked.get("pagination_token", 0)), min(int(asked.get("max_results", 10)), self.page)
        asked_for = asked.get("tweet.fields", "").split(",")
        some = [{name: entry[name] for name in entry if name != "lang" or name in asked_for} for entry in entries[start : start + size]]
        meta: Json = {"result_count": len(some)} | ({"next_token": str(start + size)} if len(entries) > start + size else {})
        if not some:
            return told({"meta": meta})
        return told({"data": some, "includes": self._beside(some), "meta": meta})

    def _beside(self, entries: list[Json]) -> Json:
        references = [one["id"] for entry in entries for one in entry.get("referenced_tweets", ())]
        posts = [self.posts[name] for name in references if name in self.posts]
        people = {str(entry.get("author_id") or entry.get("sender_id")) for entry in (*entries, *posts)}
        return {"users": [self._user(name) for name in sorted(people)], "tweets": posts, "media": self.media}

    def _user(self, name: str) -> Json:
        handle = next((word for word, number in NAMES.items() if number == name), name)
        username = "ourshop" if handle == "us" else handle
        picture = f"https://pbs.example/{name}.jpg"
        return {"id": name, "name": username.title(), "username": username, "profile_image_url": picture, "verified_type": "none"}

    def _some(self, names: list[str]) -> Response:
        """https://docs.x.com/x-api/posts/get-posts-by-ids"""
        kind = f"{PROBLEMS}resource-not-found"
        missing = [{"resource_id": name, "value": name, "type": kind, "title": "Not Found"} for name in names if name not in self.posts]
        found = [self.posts[name] for name in names if name in self.posts]
        return told(({"data": found} if found else {}) | ({"errors": missing} if missing else {}))

    async def _change(self, request: Request, path: str) -> Response:
        if path == "/2/media/upload":
            async with request.form() as form:
                self.given.append((path, str(form["media_category"])))
            return told({"data": {"id": f"media{len(self.given)}", "media_key": "3_1"}})
        content = await request.json() if request.method != "DELETE" else None
        self.given.append((f"{request.method} {path}", content))
        if path == "/2/tweets":
            return self._post(content)
        if path.endswith("/messages"):
            name = self.write("us", content.get("text", ""), at=datetime.now(UTC))["id"]
            return told({"data": {"dm_conversation_id": "11-2244994945", "dm_event_id": name}}, 201)
        return told({"data": {"deleted": True}})

    def _post(self, content: Json) -> Response:
        """https://docs.x.com/x-api/posts/create-post"""
        above = self.posts.get(content["reply"]["in_reply_to_tweet_id"])
        if above is None:
            return problem(403, "client-error")
        if any(post["author_id"] == US and post["text"] == escape(content["text"], quote=False) for post in self.posts.values()):
            return problem(403, detail="You are not allowed to create a Tweet with duplicate content.")
        sent = self.say("us", content["text"], answering=above, at=datetime.now(UTC))
        if self.lost_answers:
            self.lost_answers -= 1
            return Response("<html>", 502)
        return told({"data": {"id": sent["id"], "text": sent["text"], "edit_history_tweet_ids": [sent["id"]]}}, 201)
