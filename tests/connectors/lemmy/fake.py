"""A Lemmy server as https://join-lemmy.org/lemmy-js-client-docs/v0.19/ describes it (API version 3)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.connectors.conformance import MORNING

TOKEN = "hunter2.hunter2.hunter2"
COMMUNITY = 5
Json = dict[str, Any]


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def person(name: str, **more: Any) -> Json:
    """https://join-lemmy.org/lemmy-js-client-docs/v0.19/interfaces/Person.html"""
    return {
        "id": 7 if name == "shop" else 1000 + sum(map(ord, name)), "name": name, "display_name": name.title(), "banned": False,
        "published": stamp(MORNING), "actor_id": f"https://lemmy.example/u/{name}", "local": True, "deleted": False, "bot_account": False,
        "instance_id": 1, "avatar": None,
    } | more  # fmt: skip


US = person("shop")


@dataclass
class Lemmy:
    """What is said there, and what is to go wrong."""

    posts: dict[int, Json] = field(default_factory=dict[int, Json])
    comments: dict[int, Json] = field(default_factory=dict[int, Json])  # views
    answers: list[int] = field(default_factory=list[int])  # comments that answer us
    mentions: list[int] = field(default_factory=list[int])  # comments that name us
    private: dict[int, Json] = field(default_factory=dict[int, Json])
    requests: list[str] = field(default_factory=list[str])
    posted: list[Json] = field(default_factory=list[Json])
    trouble: dict[str, list[Response]] = field(default_factory=dict[str, "list[Response]"])  # by "GET path"

    def post(self, name: str, by: str = "shop", number: int | None = None, **more: Any) -> Json:
        """https://join-lemmy.org/lemmy-js-client-docs/v0.19/interfaces/PostView.html"""
        number = number or max(self.posts, default=0) + 1
        at = stamp(more.pop("at", MORNING))
        shape = {
            "id": number, "name": name, "creator_id": person(by)["id"], "community_id": COMMUNITY, "removed": False, "locked": False,
            "published": at, "deleted": False, "nsfw": False, "ap_id": f"https://lemmy.example/post/{number}", "local": True,
            "language_id": 0, "featured_community": False, "featured_local": False,
        }  # fmt: skip
        self.posts[number] = self._around({"post": shape | more}, by)
        return self.posts[number]

    def say(self, text: str, by: str = "anna", *, post: int = 1, under: int | None = None, number: int | None = None, **more: Any) -> Json:
        """https://join-lemmy.org/lemmy-js-client-docs/v0.19/interfaces/CommentView.html"""
        if post not in self.posts:
            self.post("New bread", number=post)
        number = number or max(self.comments, default=0) + 1
        path = f"{self.comments[under]['comment']['path'] if under in self.comments else '0'}.{number}"
        at = stamp(more.pop("at", MORNING + timedelta(seconds=number)))
        shape = {
            "id": number, "creator_id": person(by)["id"], "post_id": post, "content": text, "removed": False, "published": at,
            "deleted": False, "ap_id": f"https://lemmy.example/comment/{number}", "local": True, "path": path, "distinguished": False,
            "language_id": 0,
        }  # fmt: skip
        self.comments[number] = self._around({"comment": shape, "post": self.posts[post]["post"]} | more, by)
        if by != "shop":
            (self.mentions if "@shop@" in text else self.answers).append(number)
        return self.comments[number]

    def write(self, text: str, by: str = "anna", to: str = "shop") -> Json:
        """https://join-lemmy.org/lemmy-js-client-docs/v0.19/interfaces/PrivateMessageView.html"""
        number = len(self.private) + 1
        shape = {
            "id": number, "creator_id": person(by)["id"], "recipient_id": person(to)["id"], "content": text, "deleted": False,
            "read": False, "published": stamp(MORNING + timedelta(seconds=number)), "local": True,
            "ap_id": f"https://lemmy.example/private_message/{number}",
        }  # fmt: skip
        self.private[number] = {"private_message": shape, "creator": person(by), "recipient": person(to)}
        return self.private[number]

    async def answer(self, request: Request) -> Response:
        path = request.url.path.removeprefix("/api/v3/")
        self.requests.append(f"{request.method} {path}")
        waiting = self.trouble.get(f"{request.method} {path}")
        if waiting:
            return waiting.pop(0)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"site_view": {}}) if path == "site" else refused(401, "not_logged_in")
        if request.method == "GET":
            return self._read(path, request.query_params)
        return await self._change(path, request)

    def _read(self, path: str, asked: Any) -> Response:
        match path:
            case "site":
                return JSONResponse({"site_view": {}, "my_user": {"local_user_view": {"person": US}}})
            case "community":
                return JSONResponse({"community_view": {"community": {"id": COMMUNITY, "name": "bread", "title": "Bread"}}})
            case "user/replies":
                views = [self.comments[number] | {"comment_reply": {"id": place}} for place, number in enumerate(self.answers, 1)]
                return page("replies", views, asked)
            case "user/mention":
                views = [self.comments[number] | {"person_mention": {"id": place}} for place, number in enumerate(self.mentions, 1)]
                return page("mentions", views, asked)
            case "private_message/list":
                return page("private_messages", list(self.private.values()), asked)
            case "post/list":
                return page("posts", list(self.posts.values()), asked)
            case "user":
                return page("comments", [view for view in self.comments.values() if view["creator"]["id"] == US["id"]], asked)
            case "comment/list":
                return page("comments", [view for view in self.comments.values() if self._is_below(view, asked)], asked)
            case "comment" | "post":
                found = (self.comments if path == "comment" else self.posts).get(int(asked["id"]))
                return JSONResponse({f"{path}_view": found}) if found else refused(404, f"couldnt_find_{path}")
            case _:
                return refused(404, "not_found")

    def _is_below(self, view: Json, asked: Any) -> bool:
        path = view["comment"]["path"].split(".")
        return ("parent_id" not in asked or asked["parent_id"] in path) and asked.get("post_id", "1") == str(view["post"]["id"])

    async def _change(self, path: str, request: Request) -> Response:
        if path == "/pictrs/image":
            return JSONResponse({"msg": "ok", "files": [{"file": "abc.png", "delete_token": "x"}]}, 201)
        asked = await request.json()
        self.posted.append({"did": f"{request.method} {path}", **asked})
        now = datetime.now(UTC)
        if (request.method, path) == ("POST", "comment"):
            return JSONResponse(
                {"comment_view": self.say(asked["content"], "shop", post=asked["post_id"], under=asked.get("parent_id"), at=now)}
            )
        if path == "private_message":
            return JSONResponse({"private_message_view": self.write(asked["content"], "shop", "anna")})
        return JSONResponse({"comment_view": {}})

    def _around(self, view: Json, by: str) -> Json:
        community = {"id": COMMUNITY, "name": "bread", "title": "Bread"}
        return {"creator": person(by), "community": community, "creator_is_moderator": False, "creator_is_admin": False} | view


def refused(status: int, error: str) -> Response:
    return JSONResponse({"error": error}, status)


def page(key: str, views: list[Json], asked: Any) -> Response:
    """The newest first, at most 50 at once."""
    limit, number = min(int(asked.get("limit", 10)), 50), int(asked.get("page", 1))
    return JSONResponse({key: views[::-1][(number - 1) * limit : number * limit]})
