"""Reddit on this machine, as far as its documents describe it.

https://www.reddit.com/dev/api, https://github.com/reddit-archive/reddit/wiki/JSON
"""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tests.connectors.served import Fake, Json, told

SECRET, PASSWORD, TOKEN = "hunter2-secret", "hunter2-password", "hunter2-access"
US = "Our_Shop"
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)


def listing(entries: list[Json], after: str | None = None) -> Json:
    return {"kind": "Listing", "data": {"modhash": None, "dist": len(entries), "children": entries, "after": after, "before": None}}


@dataclass
class Reddit(Fake):
    """`things` by full name, in the order in which they were written."""

    things: dict[str, Json] = field(default_factory=dict[str, Json])
    forms: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])
    errors: list[list[Any]] = field(default_factory=list[list[Any]])  # of the next change
    moderates: bool = True
    remaining: float = 95.0
    lost_answers: int = 0
    _next: int = 0

    def post(self, by: str, title: str, text: str = "", **more: Any) -> Json:
        """https://github.com/reddit-archive/reddit/wiki/JSON#link-implements-votable--created"""
        name = self._name("t3", more)
        address = f"/r/bread/comments/{name[3:]}/title/"
        return self._add("t3", name, by, more, {
            "title": title, "selftext": text, "selftext_html": f"<p>{text}</p>" if text else None, "is_self": True, "permalink": address,
            "url": f"https://www.reddit.com{address}", "num_comments": 0, "subreddit": "bread", "removed_by_category": None,
        })  # fmt: skip

    def say(self, by: str, text: str, under: Json, **more: Any) -> Json:
        """https://github.com/reddit-archive/reddit/wiki/JSON#comment-implements-votable--created"""
        name = self._name("t1", more)
        above = under["data"]
        post = above["name"] if under["kind"] == "t3" else above["link_id"]
        link = self.things[post]["data"]
        return self._add("t1", name, by, more, {
            "body": text, "body_html": f"<div class=\"md\"><p>{text}</p></div>", "parent_id": above["name"], "link_id": post,
            "link_title": link["title"], "permalink": f"{link['permalink']}{name[3:]}/", "is_submitter": by == link["author"],
            "subreddit": "bread",
        })  # fmt: skip

    def write(self, by: str, text: str, *, to: str = US, answering: Json | None = None, **more: Any) -> Json:
        """https://github.com/reddit-archive/reddit/wiki/JSON#message-implements-created"""
        name = self._name("t4", more)
        above = answering["data"] if answering else {}
        return self._add("t4", name, by, more, {
            "body": text, "body_html": f"<p>{text}</p>", "subject": "Hello", "dest": to, "context": "", "was_comment": False, "new": True,
            "first_message_name": (above.get("first_message_name") or above.get("name")), "parent_id": above.get("name"), "subreddit": None,
        })  # fmt: skip

    def _name(self, kind: str, more: Json) -> str:
        self._next += 1
        return str(more.pop("id", f"{kind}_x{self._next}"))

    def _add(self, kind: str, name: str, by: str, more: Json, shape: Json) -> Json:
        at = more.pop("at", MORNING + timedelta(minutes=self._next))
        common = {"id": name[3:], "name": name, "author": by, "author_fullname": f"t2_{by}", "created_utc": at.timestamp(), "edited": False,
                  "distinguished": None, "score": 1}  # fmt: skip
        self.things[name] = {"kind": kind, "data": common | shape | more}
        return self.things[name]

    def delete(self, thing: Json) -> None:
        """Its author deletes it: lists leave it out, by its name it is still there, of nobody."""
        thing["data"] |= {"author": "[deleted]", "gone": True}
        thing["data"] |= {"body": "[deleted]"} if thing["kind"] == "t1" else {"selftext": "[deleted]", "removed_by_category": "deleted"}

    async def respond(self, request: Request) -> Response:
        path = request.url.path
        if path == "/token":
            return await self._token(request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return told({"message": "Unauthorized", "error": 401}, 401)
        assert request.headers["user-agent"].endswith(f"(by /u/{US})")
        self.remaining -= 1
        limits = {"x-ratelimit-used": "5", "x-ratelimit-remaining": str(self.remaining), "x-ratelimit-reset": "300"}
        response = await (self._change(request, path) if request.method == "POST" else self._read(request, path))
        response.headers.update(limits)
        return response

    async def _token(self, request: Request) -> Response:
        """https://github.com/reddit-archive/reddit/wiki/OAuth2"""
        basic = base64.b64encode(f"client:{SECRET}".encode()).decode()
        async with request.form() as form:
            if request.headers.get("authorization") != f"Basic {basic}" or form.get("password") != PASSWORD:
                return told({"error": "invalid_grant"}, 200)
        return told({"access_token": TOKEN, "token_type": "bearer", "expires_in": 86400, "scope": "*"})

    async def _read(self, request: Request, path: str) -> Response:
        asked, parts = request.query_params, path.strip("/").split("/")
        if path == "/api/v1/me":
            return told({"name": US, "id": "us"})
        if path == "/api/info":
            names = asked["id"].split(",")
            return told(listing([self._shown(self.things[name]) for name in names if name in self.things]))
        if parts[0] == "comments":
            return told(self._tree(f"t3_{parts[1]}"))
        return self._page(asked, [thing for thing in self._list(path) if not thing["data"].get("gone")])

    def _list(self, path: str) -> list[Json]:
        things = list(self.things.values())
        match path.strip("/").split("/"):
            case ["r", "bread", "new"]:
                return [thing for thing in things if thing["kind"] == "t3"]
            case ["r", "bread", "comments"]:
                return [thing for thing in things if thing["kind"] in {"t1", "t9"}]
            case ["message", "inbox"]:
                return [self._told(thing) for thing in things if thing["data"].get("dest") == US or self._is_for_us(thing)]
            case ["message", "sent"]:
                return [thing for thing in things if thing["kind"] == "t4" and thing["data"]["author"] == US]
            case ["user", _, "comments"]:
                return [thing for thing in things if thing["kind"] == "t1" and thing["data"]["author"] == US]
            case _:
                return []

    def _is_for_us(self, thing: Json) -> bool:
        if thing["kind"] != "t1" or thing["data"]["author"] == US:
            return False
        above = self.things.get(thing["data"]["parent_id"], {"data": {}})["data"]
        return above.get("author") == US or f"u/{US}" in thing["data"]["body"]

    def _told(self, thing: Json) -> Json:
        """In the inbox a comment names its post only by an address."""
        if thing["kind"] == "t4":
            return thing
        hidden = {"link_id", "permalink", "is_submitter"}
        shape = {name: value for name, value in thing["data"].items() if name not in hidden}
        return {"kind": "t1", "data": shape | {"context": f"{thing['data']['permalink']}?context=3", "type": "comment_reply", "new": True}}

    def _shown(self, thing: Json) -> Json:
        """To those who do not moderate, what was removed says only that."""
        data = thing["data"]
        if self.moderates or not data.get("removed"):
            return thing
        return {"kind": thing["kind"], "data": {**data, "body": "[removed]", "author": "[deleted]", "removed": None}}

    def _page(self, asked: Any, entries: list[Json]) -> Response:
        entries = sorted(entries, key=lambda thing: thing["data"]["created_utc"], reverse=True)[:1000]
        names = [thing["data"]["name"] for thing in entries]
        start = names.index(asked["after"]) + 1 if asked.get("after") in names else 0
        some = entries[start : start + int(asked.get("limit", 25))]
        more = some[-1]["data"]["name"] if some and len(entries) > start + len(some) else None
        return told(listing(some, more))

    def _tree(self, post: str) -> list[Json]:
        def below(name: str) -> list[Json]:
            found = [thing for thing in self.things.values() if thing["data"].get("parent_id") == name and thing["kind"] == "t1"]
            return [{"kind": "t1", "data": {**one["data"], "replies": listing(below(one["data"]["name"])) or ""}} for one in found]

        more = {"kind": "more", "data": {"count": 3, "children": ["a", "b", "c"], "id": "a", "name": "t1_a"}}
        return [listing([self.things[post]]), listing([*below(post), more])]

    async def _change(self, request: Request, path: str) -> Response:
        """https://www.reddit.com/dev/api#POST_api_comment: refusals come with 200."""
        async with request.form() as form:
            given = dict(form)
        assert given["api_type"] == "json"
        self.forms.append((path, given))
        if self.errors:
            return told({"json": {"errors": [self.errors.pop(0)], "ratelimit": 540.5}})
        if path != "/api/comment":
            return told({})
        above = self.things[str(given["thing_id"])]
        at = datetime.now(UTC)
        is_private = above["kind"] == "t4"
        text = str(given["text"])
        sent = self.write(US, text, to="anna", answering=above, at=at) if is_private else self.say(US, text, above, at=at)
        if self.lost_answers:
            self.lost_answers -= 1
            return Response("<html>", 504)
        return told({"json": {"errors": [], "data": {"things": [sent]}}})
