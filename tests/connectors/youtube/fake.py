"""The YouTube Data API on this machine, as far as its documents describe it: a channel's videos and what is said under them.

What it does beyond the documents is what is known of YouTube: `order=time` goes by when a thread began; at most five answers come along.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tests.connectors.served import Fake, Json, told

SECRET, REFRESH, TOKEN = "hunter2-secret", "hunter2-refresh", "hunter2-access"
US = "UCours"
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)
SCOPE = "https://www.googleapis.com/auth/youtube.force-ssl"


def error(status: int, reason: str) -> Response:
    """https://developers.google.com/youtube/v3/docs/errors"""
    one = {"message": reason, "domain": "youtube.quota", "reason": reason}
    return told({"error": {"code": status, "message": f"The token {TOKEN} may not", "errors": [one]}}, status)


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class YouTube(Fake):
    """`comments` by id; a thread is a comment without a `parentId`."""

    comments: dict[str, Json] = field(default_factory=dict[str, Json])
    disabled: set[str] = field(default_factory=set[str])
    scope: str = SCOPE
    page: int = 100
    lost_answers: int = 0  # to replies that were posted
    _next: int = 0

    def say(self, by: str, text: str, *, under: str | None = None, video: str = "v1", id: str | None = None, **more: Any) -> Json:
        """https://developers.google.com/youtube/v3/docs/comments#resource"""
        self._next += 1
        number = id or (f"{under}.{self._next}" if under else f"Ug{self._next}")
        at = stamp(more.pop("at", MORNING + timedelta(seconds=self._next)))
        snippet: Json = {
            "authorDisplayName": f"@{by}", "authorProfileImageUrl": "https://yt3.example/a.jpg", "channelId": US,
            "authorChannelUrl": f"http://www.youtube.com/@{by}", "authorChannelId": {"value": US if by == "us" else f"UC{by}"},
            "textDisplay": text, "textOriginal": text, "canRate": True, "viewerRating": "none", "likeCount": 0,
            "publishedAt": at, "updatedAt": at, "videoId": video,
        }  # fmt: skip
        if under:
            snippet["parentId"] = under
        self.comments[number] = {"kind": "youtube#comment", "etag": "e", "id": number, "snippet": snippet | more}
        return self.comments[number]

    def edit(self, comment: Json, text: str) -> None:
        later = stamp(MORNING + timedelta(hours=1, seconds=len(text)))
        comment["snippet"] |= {"textDisplay": text, "textOriginal": text, "updatedAt": later}

    async def respond(self, request: Request) -> Response:
        path, asked = request.url.path.strip("/"), request.query_params
        if path == "token":
            return await self._token(request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return error(401, "authError")
        if request.method == "GET":
            return self._read(path, asked)
        match request.method, path:
            case "POST", "comments":
                return await self._insert(request)
            case "PUT", "comments":
                given = await request.json()
                self.edit(self.comments[given["id"]], given["snippet"]["textOriginal"])
                return told(self.comments[given["id"]])
            case "DELETE", "comments":
                del self.comments[asked["id"]]
                return Response(status_code=204)
            case "POST", "comments/setModerationStatus":
                return self._moderate(asked)
            case _:
                return error(404, "notFound")

    def _read(self, path: str, asked: Any) -> Response:
        match path:
            case "channels":
                snippet = {"title": "Our Channel", "customUrl": "@ours"}
                return told({"kind": "youtube#channelListResponse", "items": [{"id": US, "snippet": snippet}]})
            case "commentThreads":
                return self._threads(asked)
            case "comments":
                return self._list(asked)
            case "videos":
                return told({"items": [self._video(name) for name in asked["id"].split(",")]})
            case _:
                return error(404, "notFound")

    async def _token(self, request: Request) -> Response:
        """https://developers.google.com/identity/protocols/oauth2/web-server#offline"""
        async with request.form() as form:
            if form.get("refresh_token") != REFRESH or form.get("client_secret") != SECRET:
                return told({"error": "invalid_grant", "error_description": f"{REFRESH} has been revoked."}, 400)
        return told({"access_token": TOKEN, "expires_in": 3599, "scope": self.scope, "token_type": "Bearer"})

    def _threads(self, asked: Any) -> Response:
        """https://developers.google.com/youtube/v3/docs/commentThreads/list"""
        if asked.get("videoId") in self.disabled:
            return error(403, "commentsDisabled")
        status = asked.get("moderationStatus", "published")
        tops = [one for one in self.comments.values() if "parentId" not in one["snippet"]]
        if "videoId" in asked:
            tops = [one for one in tops if one["snippet"]["videoId"] == asked["videoId"]]
        tops = [one for one in tops if one["snippet"].get("moderationStatus", "published") == status]
        tops.sort(key=lambda one: one["snippet"]["publishedAt"], reverse=True)
        return self._page(asked, [self._thread(one) for one in tops])

    def _thread(self, top: Json) -> Json:
        """https://developers.google.com/youtube/v3/docs/commentThreads#resource"""
        replies = [one for one in self.comments.values() if one["snippet"].get("parentId") == top["id"]]
        snippet = {
            "channelId": US, "videoId": top["snippet"]["videoId"], "topLevelComment": top, "canReply": True,
            "totalReplyCount": len(replies), "isPublic": True,
        }  # fmt: skip
        thread: Json = {"kind": "youtube#commentThread", "etag": "e", "id": top["id"], "snippet": snippet}
        return thread | ({"replies": {"comments": replies[-5:][::-1]}} if replies else {})

    def _list(self, asked: Any) -> Response:
        """https://developers.google.com/youtube/v3/docs/comments/list"""
        if "id" in asked:
            names = asked["id"].split(",")
            found = [self.comments[name] for name in names if name in self.comments]
            shown = [one for one in found if one["snippet"].get("moderationStatus", "published") == "published"]
            return told({"kind": "youtube#commentListResponse", "items": shown})
        if asked["parentId"] not in self.comments:
            return error(404, "commentNotFound")
        return self._page(asked, [one for one in self.comments.values() if one["snippet"].get("parentId") == asked["parentId"]][::-1])

    def _page(self, asked: Any, entries: list[Json]) -> Response:
        start, size = int(asked.get("pageToken", 0)), min(int(asked.get("maxResults", 20)), self.page)
        more = {"nextPageToken": str(start + size)} if len(entries) > start + size else {}
        return told({"items": entries[start : start + size], "pageInfo": {"totalResults": len(entries), "resultsPerPage": size}} | more)

    def _video(self, name: str) -> Json:
        """https://developers.google.com/youtube/v3/docs/videos#resource"""
        thumbnails = {"default": {"url": f"https://i.ytimg.example/{name}.jpg", "width": 120, "height": 90}}
        snippet = {
            "publishedAt": stamp(MORNING),
            "channelId": US,
            "title": "How bread rises",
            "description": "Slowly.",
            "thumbnails": thumbnails,
        }
        return {"kind": "youtube#video", "id": name, "snippet": snippet, "statistics": {"commentCount": str(len(self.comments))}}

    async def _insert(self, request: Request) -> Response:
        """https://developers.google.com/youtube/v3/docs/comments/insert"""
        snippet = (await request.json())["snippet"]
        if snippet["parentId"] not in self.comments:
            return error(404, "parentCommentNotFound")
        said = self.say("us", snippet["textOriginal"], under=snippet["parentId"], at=datetime.now(UTC))
        if self.lost_answers:
            self.lost_answers -= 1
            return Response("<html>", 502)
        return told(said)

    def _moderate(self, asked: Any) -> Response:
        """https://developers.google.com/youtube/v3/docs/comments/setModerationStatus"""
        snippet = self.comments[asked["id"]]["snippet"]
        if snippet.get("moderationStatus") == "rejected":
            return error(403, "forbidden")
        snippet["moderationStatus"] = asked["moderationStatus"]
        return Response(status_code=204)
