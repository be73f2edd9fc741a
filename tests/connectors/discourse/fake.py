"""A forum as https://docs.discourse.org/ describes it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.connectors.conformance import MORNING

KEY = "hunter2-hunter2-hunter2"
SECRET = "my_lovely_secret_for_web_hook"  # that of Discourse's own tests
US = "mira"
TOPIC = 12
Json = dict[str, Any]


def post(number: int, text: str, by: str = "anna", **more: Any) -> Json:
    """https://docs.discourse.org/#tag/Posts/operation/listPosts"""
    at: datetime = more.pop("at", MORNING + timedelta(seconds=number))
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    shape: Json = {
        "id": number, "name": by.title(), "username": by, "avatar_template": f"/user_avatar/forum.example/{by}/{{size}}/7_2.png",
        "created_at": stamp, "cooked": f"<p>{text}</p>", "post_number": number, "post_type": 1, "posts_count": 3, "updated_at": stamp,
        "reply_count": 0, "reply_to_post_number": None, "quote_count": 0, "incoming_link_count": 0, "reads": 1, "readers_count": 0,
        "score": 0.2, "yours": by == US, "topic_id": TOPIC, "topic_slug": "opening-hours", "topic_title": "Opening hours",
        "topic_html_title": "Opening hours", "category_id": 1, "display_username": by.title(), "primary_group_name": None,
        "flair_name": None, "version": 1, "can_edit": True, "can_delete": True, "raw": text, "actions_summary": [], "moderator": False,
        "admin": by == US, "staff": by == US, "user_id": 1000 + sum(map(ord, by)), "hidden": False, "trust_level": 1, "deleted_at": None,
        "user_deleted": False, "edit_reason": None, "wiki": False,
    }  # fmt: skip
    return shape | more


def refused(status: int, kind: str, *words: str, **headers: str) -> Response:
    return JSONResponse(
        {"errors": list(words), "error_type": kind}, status, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


@dataclass
class Forum:
    """What is said there, and what is to go wrong. `is_new`: how it understands `before`."""

    posts: dict[int, Json] = field(default_factory=dict[int, Json])
    private: dict[int, Json] = field(default_factory=dict[int, Json])
    requests: list[str] = field(default_factory=list[str])
    posted: list[Json] = field(default_factory=list[Json])
    trouble: dict[str, list[Response]] = field(default_factory=dict[str, "list[Response]"])  # by "GET path"
    is_new: bool = True

    def say(self, text: str, by: str = "anna", *, number: int | None = None, private: bool = False, **more: Any) -> Json:
        number = number or max([*self.posts, *self.private], default=0) + 1
        where = self.private if private else self.posts
        where[number] = post(number, text, by, **more)
        return where[number]

    async def answer(self, request: Request) -> Response:
        path = request.url.path
        self.requests.append(f"{request.method} {path}")
        if request.headers.get("api-key") != KEY or request.headers.get("api-username") != US:
            return refused(403, "invalid_access", "You are not permitted to view the requested resource.")
        waiting = self.trouble.get(f"{request.method} {path}")
        if waiting:
            return waiting.pop(0)
        parts = path.strip("/").removesuffix(".json").split("/")
        match request.method, parts:
            case "GET", ["session", "current"]:
                return JSONResponse({"current_user": {"id": 7, "username": US, "name": "Mira", "admin": True}})
            case "GET", ["posts"]:
                return self._list(request, "latest_posts", self.posts)
            case "GET", ["private-posts"]:
                return self._list(request, "private_posts", self.private)
            case "GET", ["posts", "by_number", topic, number]:
                return self._one(lambda one: str(one["topic_id"]) == topic and str(one["post_number"]) == number)
            case "GET", ["posts", number]:
                return self._one(lambda one: str(one["id"]) == number)
            case "GET", ["t", topic]:
                return self._topic(topic)
            case "GET", ["t", topic, "posts"]:
                some = [self.posts[int(number)] for number in request.query_params.getlist("post_ids[]")]
                return JSONResponse({"post_stream": {"posts": [{**one, "topic_title": None} for one in some]}})
            case _:
                return await self._change(request, parts)

    async def _change(self, request: Request, parts: list[str]) -> Response:
        match request.method, parts:
            case "POST", ["posts"]:
                return self._post(await request.json())
            case "POST", ["uploads"]:
                return JSONResponse({"id": 9, "short_url": "upload://abc.png", "original_filename": "map.png"})
            case ("POST", ["post_actions"]) | ("PUT", _) | ("DELETE", _):
                self.posted.append(
                    {"did": f"{request.method} {request.url.path}", **(await request.json() if await request.body() else {})}
                )
                return Response(status_code=200) if request.method == "DELETE" else JSONResponse({"id": 1})
            case _:
                return refused(404, "not_found", "The requested URL or resource could not be found.")

    def _one(self, wanted: Callable[[Json], bool]) -> Response:
        for one in [*self.posts.values(), *self.private.values()]:
            if wanted(one):
                return JSONResponse(one)
        return refused(404, "not_found", "The requested URL or resource could not be found.")

    def _list(self, request: Request, name: str, posts: dict[int, Json]) -> Response:
        """The newest first, at most 50. Older forums take `before` as the highest of 50 ids, newer ones as the first that is left out."""
        before = int(request.query_params.get("before", 0))
        numbers = sorted((number for number, one in posts.items() if not one["deleted_at"]), reverse=True)
        if before and self.is_new:
            numbers = [number for number in numbers if number < before]
        elif before:
            numbers = [number for number in numbers if before - 50 < number <= before]
        return JSONResponse({name: [posts[number] for number in numbers[:50]]})

    def _topic(self, topic: str) -> Response:
        found = [number for number, one in sorted(self.posts.items()) if str(one["topic_id"]) == topic]
        told = {"id": int(topic), "title": "Opening hours", "posts_count": len(found), "archetype": "regular"}
        return JSONResponse(told | {"post_stream": {"stream": found, "posts": []}})

    def _post(self, asked: Json) -> Response:
        self.posted.append(asked)
        mine = [one["raw"] for one in self.posts.values() if one["username"] == US]
        if asked["raw"] in mine:
            return refused(422, "invalid", "Body is too similar to what you recently posted")
        private = asked.get("archetype") == "private_message"
        return JSONResponse(self.say(asked["raw"], US, private=private, at=datetime.now(UTC)))
