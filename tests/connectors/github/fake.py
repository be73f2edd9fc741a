"""A repository on this machine, as GitHub's documents describe it.

REST: https://docs.github.com/en/rest/issues, /rest/reactions; limits: /rest/using-the-rest-api/rate-limits-for-the-rest-api; pages:
/rest/using-the-rest-api/using-pagination-in-the-rest-api; the other API: https://docs.github.com/en/graphql/guides/using-the-graphql-api-for-discussions;
webhooks: https://docs.github.com/en/webhooks/webhook-events-and-payloads.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.served import listening

Json = dict[str, Any]
TOKEN, SECRET = "github_pat_hunter2_hunter3", "a long secret of ours"
REPOSITORY = "shop/help"
US, ANNA, BERND = "Parley-Bot", "anna", "bernd"
NOW = datetime.now(UTC).replace(microsecond=0)
MORNING = NOW - timedelta(hours=5)


class Refusal(Exception):
    def __init__(self, status: int, message: str = "", **headers: str) -> None:
        body = {"message": message, "documentation_url": "https://docs.github.com/rest"}
        self.response = JSONResponse(body, status, headers={name.replace("_", "-"): value for name, value in headers.items()})


def person(login: str) -> Json:
    return {
        "login": login,
        "id": sum(login.encode()),
        "avatar_url": f"https://avatars.example/{login}",
        "type": "User",
        "site_admin": False,
    }


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Repository:
    """What the repository has, who asked for what, and what is to go wrong."""

    issues: dict[int, Json] = field(default_factory=dict)
    comments: dict[int, Json] = field(default_factory=dict)
    discussions: dict[int, Json] = field(default_factory=dict)
    reactions: dict[str, list[Json]] = field(default_factory=dict)  # by path
    hidden: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    graphql_errors: list[Json] = field(default_factory=list)
    lost_answers: int = 0
    page: int = 100
    address: str = ""
    next_at: str = ""  # another host that the next part of a list is said to be at
    _next: int = 0
    _clock: datetime = MORNING

    def tick(self) -> str:
        self._clock += timedelta(seconds=10)
        return stamp(self._clock)

    def number(self) -> int:
        self._next += 1
        return self._next

    def open(self, by: str, title: str, body: str | None = None, **more: Any) -> Json:
        """https://docs.github.com/en/rest/issues/issues"""
        number, at = self.number(), self.tick()
        self.issues[number] = {
            "id": 4000 + number, "node_id": f"I_{number}", "number": number, "title": title, "body": body, "state": "open", "locked": False,
            "html_url": f"https://github.com/{REPOSITORY}/issues/{number}", "user": person(by), "comments": 0, "labels": [],
            "created_at": at, "updated_at": at, "author_association": "NONE", "reactions": {"total_count": 0}, **more,
        }  # fmt: skip
        return self.issues[number]

    def say(self, by: str, body: str, about: Json, **more: Any) -> Json:
        """https://docs.github.com/en/rest/issues/comments"""
        number, at = self.number(), self.tick()
        about["updated_at"], about["comments"] = at, about["comments"] + 1
        self.comments[number] = {
            "id": number, "node_id": f"IC_{number}", "body": body, "user": person(by), "created_at": at, "updated_at": at,
            "html_url": f"{about['html_url']}#issuecomment-{number}", "author_association": "CONTRIBUTOR",
            "issue_url": f"https://api.github.com/repos/{REPOSITORY}/issues/{about['number']}", "reactions": {"total_count": 0}, **more,
        }  # fmt: skip
        return self.comments[number]

    def discuss(self, by: str, title: str, body: str) -> Json:
        number, at = self.number(), self.tick()
        url = f"https://github.com/{REPOSITORY}/discussions/{number}"
        node = self._node(f"D_{number}", by, body, at, url)
        self.discussions[number] = node | {"number": number, "title": title, "comments": []}
        return self.discussions[number]

    def remark(self, by: str, body: str, about: Json, under: Json | None = None) -> Json:
        number, at = self.number(), self.tick()
        node = self._node(f"DC_{number}", by, body, at, f"{about['url']}#discussioncomment-{number}") | {"replies": [], "replyTo": None}
        about["updatedAt"] = at
        if under is None:
            about["comments"].append(node)
        else:
            under["replies"].append(node | {"replyTo": {"id": under["id"]}})
            return under["replies"][-1]
        return node

    def _node(self, name: str, by: str, body: str, at: str, url: str) -> Json:
        author = {"login": by, "avatarUrl": f"https://avatars.example/{by}", "__typename": "User"}
        times = {"createdAt": at, "updatedAt": at, "lastEditedAt": None}
        return {"id": name, "body": body, "url": url, "author": author, "authorAssociation": "MEMBER", **times}

    def edit(self, said: Json, body: str) -> Json:
        said["body"] = body
        said["updatedAt" if "createdAt" in said else "updated_at"] = self.tick()
        if "createdAt" in said:
            said["lastEditedAt"] = said["updatedAt"]
        return said

    def react(self, by: str, path: str, said: Json, content: str) -> None:
        found = {"id": 7000 + self.number(), "content": content, "user": person(by), "created_at": self.tick()}
        self.reactions.setdefault(path, []).append(found)
        said["reactions"] = {"total_count": len(self.reactions[path])}

    async def answer(self, request: Request) -> Response:
        self.requests.append(f"{request.method} {request.url.path}")
        limits = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": str(5000 - len(self.requests)), "x-ratelimit-reset": "1999999999"}
        limits["github-authentication-token-expiration"] = "2036-12-31 09:00:00 UTC"
        try:
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                raise Refusal(401, "Bad credentials")
            if self.refusals:
                raise self.refusals.pop(0)
            told = await (self._graphql(request) if request.url.path == "/graphql" else self._rest(request))
        except Refusal as refusal:
            return refusal.response
        if self.lost_answers and request.method == "POST" and (b"mutation" in await request.body() or "comments" in request.url.path):
            self.lost_answers -= 1
            return Response("bad gateway", 502)
        told.headers.update(limits)
        if told.status_code == 200 and request.method == "GET":
            told.headers["etag"] = f'W/"{hash(told.body)}"'
            if request.headers.get("if-none-match") == told.headers["etag"]:
                return Response(status_code=304, headers=limits)
        return told

    async def _rest(self, request: Request) -> Response:
        path = request.url.path.removeprefix(f"/repos/{REPOSITORY}/")
        given: Json = json.loads(await request.body() or b"{}")
        if request.method == "GET":
            return self._read(request, path, path.strip("/").split("/"))
        match request.method, path.strip("/").split("/"):
            case "PATCH", ["issues", "comments", number]:
                return JSONResponse(self.edit(self._found(self.comments, number), given["body"]))
            case "DELETE", ["issues", "comments", number]:
                self._found(self.comments, number)
                del self.comments[int(number)]
                return Response(status_code=204)
            case "PATCH", ["issues", number]:
                return JSONResponse(self.edit(self._found(self.issues, number), given["body"]))
            case "POST", ["issues", number, "comments"]:
                return self._post(self._found(self.issues, number), given["body"])
            case "POST", [*_, "reactions"]:
                self.react(US, path.removesuffix("/reactions"), {}, given["content"])
                return JSONResponse({"id": 1, "content": given["content"]}, 201)
            case _:
                raise Refusal(404, "Not Found")

    def _read(self, request: Request, path: str, parts: list[str]) -> Response:
        match parts:
            case ["user"]:
                return JSONResponse(person(US))
            case ["issues"]:
                return self._page(request, list(self.issues.values()))
            case ["issues", "comments"]:
                return self._page(request, list(self.comments.values()))
            case ["issues", "comments", number]:
                return JSONResponse(self._found(self.comments, number))
            case ["issues", number]:
                return JSONResponse(self._found(self.issues, number))
            case ["issues", number, "comments"]:
                url = self._found(self.issues, number)["html_url"]
                return self._page(request, [said for said in self.comments.values() if said["html_url"].startswith(f"{url}#")])
            case [*_, "reactions"]:
                return JSONResponse(self.reactions.get(path.removesuffix("/reactions"), []))
            case _:
                raise Refusal(404, "Not Found")

    def _found(self, among: dict[int, Json], number: str) -> Json:
        if int(number) not in among:
            raise Refusal(404, "Not Found")
        return among[int(number)]

    def _post(self, about: Json, body: str) -> Response:
        if about["locked"]:
            raise Refusal(403, "Unable to create comment because issue is locked.")
        if not body or len(body) > 65_536:
            raise Refusal(422, "Validation Failed")
        return JSONResponse(self.say(US, body, about), 201)

    def _page(self, request: Request, found: list[Json]) -> Response:
        asked = request.query_params
        found = [said for said in found if said["updated_at"] >= asked.get("since", "")]
        if asked.get("sort") == "updated":
            found.sort(key=lambda said: said["updated_at"], reverse=asked.get("direction") != "asc")
        limit, number = min(int(asked.get("per_page", 30)), self.page), int(asked.get("page", 1))
        answer = JSONResponse(found[(number - 1) * limit : number * limit])
        if number * limit < len(found):
            after = str(request.url.include_query_params(page=number + 1))
            after = after.replace(self.address, self.next_at) if self.next_at else after
            answer.headers["link"] = f'<{after}>; rel="next", <{after}>; rel="last"'
        return answer

    async def _graphql(self, request: Request) -> Response:
        asked = json.loads(await request.body())
        query, given = asked["query"], asked["variables"]
        if self.graphql_errors:
            return JSONResponse({"data": None, "errors": [self.graphql_errors.pop(0)]})
        found = self._queried(query, given)
        if found is None:
            error = {"type": "NOT_FOUND", "path": ["node"], "message": "Could not resolve to a node with the global id."}
            return JSONResponse({"data": {"node": None}, "errors": [error]})
        return JSONResponse({"data": found})

    def _queried(self, query: str, given: Json) -> Json | None:
        if "discussions(" in query:
            newest = sorted(self.discussions.values(), key=lambda node: node["updatedAt"], reverse=True)
            return {"repository": {"discussions": connection([listed(node) for node in newest], given.get("after"), min(self.page, 50))}}
        if "discussion(number" in query:
            node = self.discussions.get(given["number"])
            return {"repository": {"discussion": listed(node)}} if node else None
        node = self._named(given.get("id") or given.get("discussion") or "")
        if node is None:
            return None
        if "comments(first" in query:
            nodes = [one | {"replies": {"nodes": one["replies"]}} for one in node["comments"]]
            return {"node": {"comments": connection(nodes, given.get("after"), min(self.page, 50))}}
        return self._changed(query, given, node)

    def _changed(self, query: str, given: Json, node: Json) -> Json | None:
        name = next(word for word in (*MUTATIONS, "replyTo { id }") if word in query)
        if name == "addDiscussionComment":
            under = self._named(given["parent"]) if given.get("parent") else None
            if under is not None and under["replyTo"]:
                self.graphql_errors.append({"type": "UNPROCESSABLE", "message": "Parent comment is already in a thread"})
                return None
            return {name: {"comment": self.remark(US, given["body"], node, under)}}
        if name in {"updateDiscussionComment", "updateDiscussion("}:
            self.edit(node, given["body"])
        elif name == "minimizeComment":
            self.hidden[given["id"]] = given["why"]
        elif name == "unminimizeComment":
            self.hidden.pop(given["id"], None)
        elif name == "deleteDiscussionComment":
            for about in self.discussions.values():
                about["comments"] = [one for one in about["comments"] if one["id"] != given["id"]]
        elif name == "addReaction":
            self.reactions.setdefault(given["id"], []).append({"content": "+1"})
        else:
            return {"node": node}
        return {name: {}}

    def _named(self, name: str) -> Json | None:
        for about in self.discussions.values():
            for node in (about, *about["comments"], *(reply for one in about["comments"] for reply in one["replies"])):
                if node["id"] == name:
                    return node
        return next((said for said in self.comments.values() if said["node_id"] == name), None)


MUTATIONS = (
    *("addDiscussionComment", "updateDiscussionComment", "updateDiscussion(", "deleteDiscussionComment"),
    *("unminimizeComment", "minimizeComment", "addReaction"),
)


def listed(node: Json) -> Json:
    return node | {"comments": {"totalCount": sum(1 + len(one["replies"]) for one in node["comments"])}}


def connection(nodes: list[Json], after: str | None, most: int) -> Json:
    """https://docs.github.com/en/graphql/guides/using-pagination-in-the-graphql-api"""
    start = int(after or 0)
    end = start + most
    return {"nodes": nodes[start:end], "pageInfo": {"hasNextPage": end < len(nodes), "endCursor": str(end)}}


def delivery(action: str, **parts: Json) -> Json:
    return {"action": action, **parts, "repository": {"id": 1, "full_name": "Shop/Help"}, "sender": person(ANNA)}


@asynccontextmanager
async def serving(repository: Repository) -> AsyncIterator[str]:
    routes = [Route("/{path:path}", repository.answer, methods=["GET", "POST", "PATCH", "DELETE"])]
    async with listening(Starlette(routes=routes)) as repository.address:
        yield repository.address
