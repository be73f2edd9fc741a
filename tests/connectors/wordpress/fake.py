"""A WordPress site as https://developer.wordpress.org/rest-api/reference/ has it, for what the real one does not do on demand."""

import html
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.connectors.conformance import MORNING

PASSWORD = "hunter2 hunter2 hunter2"
US = 7
POST = 4
Json = dict[str, Any]


def comment(number: int, text: str, **more: Any) -> Json:
    """https://developer.wordpress.org/rest-api/reference/comments/#schema, in the context "edit"."""
    by_us = more.pop("by_us", False)
    name = "Mira" if by_us else more.pop("name", "Anna")
    at: datetime = more.pop("at", MORNING)
    shape: Json = {
        "id": number, "post": POST, "parent": 0, "author": US if by_us else 0, "author_name": name,
        "author_email": f"{name.lower()}@customer.example", "author_url": "", "author_ip": "198.51.100.7", "author_user_agent": "Browser",
        "date": at.strftime("%Y-%m-%dT%H:%M:%S"), "date_gmt": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "content": {"rendered": f"<p>{html.escape(text)}</p>\n", "raw": html.escape(text, quote=False)},
        "link": f"https://blog.example/?p={POST}#comment-{number}", "status": "approved", "type": "comment",
        "author_avatar_urls": {"24": "https://avatar.example/24", "96": "https://avatar.example/96"}, "meta": [],
        "_links": {"up": [{"embeddable": True, "post_type": "post", "href": f"https://blog.example/wp-json/wp/v2/posts/{POST}"}]},
    }  # fmt: skip
    return shape | more


def user() -> Json:
    """https://developer.wordpress.org/rest-api/reference/users/#schema"""
    return {"id": US, "name": "Mira", "slug": "mira", "roles": ["editor"], "capabilities": {"moderate_comments": True}}


def refused(status: int, code: str, message: str = "No.", **headers: str) -> Response:
    return JSONResponse({"code": code, "message": message, "data": {"status": status}}, status, headers=headers)


@dataclass
class WordPress:
    """The site: its comments, and what is to go wrong."""

    comments: dict[int, Json] = field(default_factory=dict[int, Json])
    requests: list[str] = field(default_factory=list[str])
    trouble: dict[str, list[Response]] = field(default_factory=dict[str, "list[Response]"])  # by "GET route"

    def say(self, text: str, number: int | None = None, **more: Any) -> Json:
        number = number or max(self.comments, default=0) + 1
        self.comments[number] = comment(number, text, **more)
        return self.comments[number]

    async def answer(self, request: Request) -> Response:
        route = request.query_params.get("rest_route", "").removeprefix("/wp/v2/")
        self.requests.append(f"{request.method} {route}")
        waiting = self.trouble.get(f"{request.method} {route}")
        if waiting:
            return waiting.pop(0)
        match request.method, route.split("/"):
            case "GET", ["users", "me"]:
                return JSONResponse(user())
            case "GET", ["posts"]:
                excerpt = {"rendered": "<p>When we are open</p>"}
                title = {"rendered": "Opening &#8211; hours"}
                return JSONResponse([{"id": POST, "date_gmt": "2026-03-01T08:00:00", "title": title, "excerpt": excerpt, "author": US}])
            case "GET", ["users"]:
                return refused(403, "rest_forbidden_context")
            case "GET", ["comments"]:
                return self._list(request)
            case "GET", ["comments", number] if number.isdecimal() and int(number) in self.comments:
                return JSONResponse(self.comments[int(number)])
            case "POST", ["comments"]:
                asked = await request.json()
                made = self.say("", by_us=True, parent=int(asked["parent"]), at=datetime.now(UTC))
                made["content"] = {"raw": asked["content"], "rendered": asked["content"]}
                return JSONResponse(made, 201)
            case _:
                return refused(404, "rest_comment_invalid_id", "Invalid comment ID.")

    def _list(self, request: Request) -> Response:
        """https://developer.wordpress.org/rest-api/reference/comments/#list-comments"""
        asked = request.query_params
        found = sorted(self.comments.values(), key=lambda one: str(one["id"]).zfill(9), reverse=asked.get("order") == "desc")
        if "include" in asked:
            found = [one for one in found if str(one["id"]) in asked["include"].split(",")]
        if "parent" in asked:
            found = [one for one in found if str(one["parent"]) == asked["parent"] and str(one["author"]) == asked["author"]]
        offset = int(asked.get("offset", 0))
        return JSONResponse(found[offset : offset + int(asked["per_page"])], headers={"x-wp-total": str(len(found))})
