"""TikTok's Business API on this machine, as far as its documents describe it (https://business-api.tiktok.com/portal/docs)."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tests.connectors.served import Fake, Json, told

SECRET, REFRESH, TOKEN = "hunter2-secret", "hunter2-refresh", "hunter2-access"
US = "act.example12345Example12345Example"
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)


def answer(data: Any = None, code: int = 0, status: int = 200) -> Response:
    """Refusals come with 200 too: https://business-api.tiktok.com/portal/docs?id=1737172488964097"""
    message = "OK" if not code else f"The token {TOKEN} may not"
    return told({"code": code, "message": message, "request_id": "2026", "data": data or {}}, status)


@dataclass
class TikTok(Fake):
    """`videos` and `comments` by id, in the order in which they were written."""

    videos: dict[str, Json] = field(default_factory=dict[str, Json])
    comments: dict[str, Json] = field(default_factory=dict[str, Json])
    given: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])
    scope: str = "user.info.basic,video.list,comment.list,comment.list.manage"
    tokens: int = 0
    used: set[str] = field(default_factory=set[str])  # refresh tokens: each is good for one time
    lost_answers: int = 0
    _next: int = 0

    def film(self, caption: str) -> Json:
        """https://business-api.tiktok.com/portal/docs?id=1739940572667906"""
        self._next += 1
        name = f"73{self._next}"
        self.videos[name] = {
            "item_id": name, "caption": caption, "create_time": str(int(MORNING.timestamp())), "media_type": "VIDEO",
            "share_url": f"https://www.tiktok.com/@ours/video/{name}", "thumbnail_url": "https://p16.example/1.jpg",
        }  # fmt: skip
        return self.videos[name]

    def say(self, by: str, text: str, under: Json, **more: Any) -> Json:
        """https://business-api.tiktok.com/portal/docs?id=1760232109619202"""
        self._next += 1
        name = str(more.pop("id", f"6990565363377{self._next:06}"))
        at = more.pop("at", MORNING + timedelta(minutes=self._next))
        comment: Json = {
            "comment_id": name, "video_id": under.get("item_id") or under["video_id"], "unique_identifier": f"uid-{by}",
            "create_time": str(int(at.timestamp())), "text": text, "likes": 0, "replies": 0, "owner": by == "us", "liked": False,
            "pinned": False, "status": "PUBLIC", "username": by, "display_name": by.title(), "profile_image": "https://p16.example/a.jpg",
        }  # fmt: skip
        if "comment_id" in under:
            comment["parent_comment_id"] = under.get("parent_comment_id") or under["comment_id"]
            self.comments[comment["parent_comment_id"]]["replies"] += 1
        self.comments[name] = comment | more
        return self.comments[name]

    def delete(self, comment: Json) -> None:
        del self.comments[comment["comment_id"]]
        if "parent_comment_id" in comment:
            self.comments[comment["parent_comment_id"]]["replies"] -= 1

    async def respond(self, request: Request) -> Response:
        path = request.url.path.strip("/")
        if path == "tt_user/oauth2/refresh_token":
            return await self._token(request)
        if path == "picture.jpg":
            return Response(b"\xff\xd8", media_type="image/jpeg")
        if request.headers.get("access-token") != f"{TOKEN}{self.tokens}":
            return answer(code=40105)
        if request.method == "POST":
            return await self._change(request, path)
        assert request.query_params["business_id"] == US
        return self._read(request.query_params, path)

    async def _token(self, request: Request) -> Response:
        """https://business-api.tiktok.com/portal/docs?id=1738083939371009"""
        given = await request.json()
        token, is_ours = given["refresh_token"], (given["client_secret"], given["grant_type"]) == (SECRET, "refresh_token")
        if not is_ours or not token.startswith(REFRESH) or token in self.used:
            return answer(code=40103)
        self.used.add(token)
        self.tokens += 1
        data = {"access_token": f"{TOKEN}{self.tokens}", "token_type": "Bearer", "scope": self.scope, "expires_in": 86400}
        return answer(data | {"refresh_token": f"{REFRESH}{self.tokens}", "refresh_token_expires_in": 31536000, "open_id": US})

    def _read(self, asked: Any, path: str) -> Response:
        match path:
            case "business/get":
                return answer({"username": "ours", "display_name": "Our Bakery", "profile_image": "https://p16.example/us.jpg"})
            case "business/video/list":
                films = [film | {"comments": self._count(film["item_id"])} for film in self.videos.values()]
                only = json.loads(asked.get("filters", "{}")).get("video_ids")
                films = [film for film in films if only is None or film["item_id"] in only]
                return answer({"videos": films[::-1][: int(asked["max_count"])], "has_more": False, "cursor": 0})
            case "business/comment/list":
                return self._page(asked, [one for one in self._of(asked["video_id"]) if "parent_comment_id" not in one])
            case "business/comment/reply/list":
                return self._page(
                    asked, [one for one in self._of(asked["video_id"]) if one.get("parent_comment_id") == asked["comment_id"]]
                )
            case _:
                return answer(code=40002)

    def _of(self, video: str) -> list[Json]:
        return [one for one in self.comments.values() if one["video_id"] == video]

    def _count(self, video: str) -> int:
        return len(self._of(video))

    def _page(self, asked: Any, entries: list[Json]) -> Response:
        assert 1 <= int(asked["max_count"]) <= 30
        entries = sorted(entries, key=lambda one: str(one["create_time"]), reverse=True)
        start, size = int(asked.get("cursor", 0)), int(asked["max_count"])
        some = [self._with_replies(one) if asked.get("include_replies") == "true" else one for one in entries[start : start + size]]
        return answer({"comments": some, "cursor": start + size, "has_more": len(entries) > start + size})

    def _with_replies(self, comment: Json) -> Json:
        """At most three answers come along."""
        replies = [one for one in self.comments.values() if one.get("parent_comment_id") == comment["comment_id"]]
        return comment | {"reply_list": replies[:3]}

    async def _change(self, request: Request, path: str) -> Response:
        content = await request.json()
        assert content.pop("business_id") == US
        self.given.append((path, content))
        match path:
            case "business/comment/reply/create":
                above = self.comments.get(content["comment_id"])
                if above is None:
                    return answer(code=40002)
                sent = self.say("us", content["text"], above, at=datetime.now(UTC))
                if self.lost_answers:
                    self.lost_answers -= 1
                    return answer(code=50000)
                return answer({"comment_id": sent["comment_id"], "video_id": sent["video_id"], "text": sent["text"]})
            case "business/message/send":
                return answer({"message": {"message_id": "u5Buqc6lAghuOelnHUZV88DK2A=="}})
            case "business/message/media/download":
                return answer({"download_url": f"{self.address}/picture.jpg"})
            case _:
                return answer()
