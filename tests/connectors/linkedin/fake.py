"""LinkedIn's versioned API on this machine, as far as its documents describe it: a page, its posts, and what is said under them."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from tests.connectors.served import Fake, Json, told

SECRET, TOKEN, REFRESH = "hunter2-secret", "hunter2-access", "hunter2-refresh"
US = "urn:li:organization:96072893"
ANNA, BERND = "urn:li:person:zLqTygBP8S", "urn:li:person:bernd"
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
ENDS = datetime(2026, 12, 24, tzinfo=UTC)


def millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def refusal(status: int, **more: Any) -> Response:
    """https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling"""
    return told({"status": status, "message": f"The token {TOKEN} may not"} | more, status)


@dataclass
class LinkedIn(Fake):
    """`posts` by their share, `comments` by their urn, in the order in which they were written."""

    posts: dict[str, Json] = field(default_factory=dict[str, Json])
    comments: dict[str, Json] = field(default_factory=dict[str, Json])
    given: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    scope: str = "r_organization_social,w_organization_social,rw_organization_admin"
    active: bool = True
    whole_answers: bool = True  # to a comment that was written: else only its number, in a header
    lost_answers: int = 0
    _next: int = 0

    def post(self, text: str, **more: Any) -> Json:
        """https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api"""
        self._next += 1
        name = f"urn:li:share:70{self._next}"
        post: Json = {
            "id": name, "author": US, "commentary": text, "createdAt": millis(MORNING), "publishedAt": millis(MORNING),
            "lifecycleState": "PUBLISHED", "visibility": "PUBLIC", "content": {"article": {"title": "Bread", "source": "https://bread.example"}},
        }  # fmt: skip
        self.posts[name] = post | more
        return self.posts[name]

    def say(self, by: str, text: str, under: Json, **more: Any) -> Json:
        """https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/comments-api"""
        self._next += 1
        number = str(more.pop("number", 7_094_977_717_598_625_000 + self._next))
        activity = under.get("object") or f"urn:li:activity:{under['id'].rpartition(':')[2]}"
        at = {"time": millis(more.pop("at", MORNING + timedelta(minutes=self._next))), "actor": by}
        name = f"urn:li:comment:({activity},{number})"
        comment: Json = {
            "$URN": name, "commentUrn": name, "id": number, "actor": by, "object": activity, "created": at, "lastModified": dict(at),
            "message": {"attributes": [], "text": text}, "likesSummary": {"totalLikes": 0},
            "commentsSummary": {"totalFirstLevelComments": 0, "aggregatedTotalComments": 0},
        }  # fmt: skip
        if "commentUrn" in under:
            comment["parentComment"] = under["commentUrn"]
            under["commentsSummary"]["totalFirstLevelComments"] += 1
        self.comments[name] = comment | more
        return self.comments[name]

    def edit(self, comment: Json, text: str) -> None:
        comment["message"]["text"] = text
        comment["lastModified"]["time"] += 60_000

    def delete(self, comment: Json) -> None:
        del self.comments[comment["commentUrn"]]

    async def respond(self, request: Request) -> Response:
        path = unquote(request.scope["raw_path"].decode()).strip("/")
        if path == "accessToken":
            return await self._token(request)
        if path == "introspectToken":
            return told({"active": self.active, "status": "active", "scope": self.scope, "expires_at": int(ENDS.timestamp())})
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return refusal(401, serviceErrorCode=65601, code="REVOKED_ACCESS_TOKEN")
        if not re.fullmatch(r"20\d{4}", request.headers.get("linkedin-version", "")):
            return refusal(426, code="NONEXISTENT_VERSION")
        return await (self._read(request, path) if request.method == "GET" else self._change(request, path))

    async def _token(self, request: Request) -> Response:
        """https://learn.microsoft.com/en-us/linkedin/shared/authentication/programmatic-refresh-tokens"""
        async with request.form() as form:
            if form.get("refresh_token") != REFRESH or form.get("client_secret") != SECRET:
                return told({"error": "invalid_grant", "error_description": f"{REFRESH} is not valid"}, 400)
        return told({"access_token": TOKEN, "expires_in": 5_184_000, "refresh_token": REFRESH, "refresh_token_expires_in": 31_536_000})

    async def _read(self, request: Request, path: str) -> Response:
        asked = request.query_params
        if path == "posts":
            assert (asked["author"], asked["q"]) == (US, "author")
            return told({"elements": list(self.posts.values())[::-1][: int(asked["count"])]})
        if path == "socialMetadata":
            names = asked["ids"].removeprefix("List(").removesuffix(")").split(",")
            return told({"results": {name: {"commentSummary": {"count": len(self._under(name, whole=True))}} for name in names}})
        if path.startswith("organizations/"):
            return told({"id": 96072893, "localizedName": "Our Bakery", "vanityName": "our-bakery"})
        found = re.fullmatch(r"socialActions/(.+)/comments", path)
        if found is None:
            return refusal(404)
        start, count = int(asked.get("start", 0)), int(asked.get("count", 10))
        some = self._under(found[1])[start : start + count]
        return told({"elements": some, "paging": {"start": start, "count": count, "links": []}})

    def _under(self, name: str, *, whole: bool = False) -> list[Json]:
        """Right under a post or a comment, or all of a post."""
        if name.startswith("urn:li:comment:"):
            return [one for one in self.comments.values() if one.get("parentComment") == name]
        found = [one for one in self.comments.values() if one["object"].rpartition(":")[2] == name.rpartition(":")[2]]
        return found if whole else [one for one in found if "parentComment" not in one]

    async def _change(self, request: Request, path: str) -> Response:
        content = await request.json() if request.method != "DELETE" else None
        query = unquote(request.url.query)
        self.given.append((f"{request.method} {path}{'?' if query else ''}{query}", content))
        found = re.fullmatch(r"socialActions/(urn:li:comment:.+)/comments", path)
        if found is None:
            return Response(status_code=204)
        above = self.comments.get(found[1])
        if above is None:
            return refusal(404)
        sent = self.say(content["actor"], content["message"]["text"], above, at=datetime.now(UTC))
        if self.lost_answers:
            self.lost_answers -= 1
            return Response("<html>", 502)
        return told(sent if self.whole_answers else {}, 201, x_restli_id=sent["id"])
