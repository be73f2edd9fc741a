"""Google Business Profile as https://developers.google.com/my-business/reference/rest/v4/accounts.locations.reviews describes it."""

from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.connectors.reviews.fake import Json, Platform, Said, stamp

LOCATION = "accounts/1234/locations/5678"
SECRET, REFRESH = "hunter2.client", "hunter2.refresh"
STARS = ("STAR_RATING_UNSPECIFIED", "ONE", "TWO", "THREE", "FOUR", "FIVE")


class Business(Platform):
    name: ClassVar[str] = "googlebusiness"

    def settings(self, address: str, **more: Any) -> Json:
        return {
            "location": LOCATION, "client_id": "client", "client_secret": SECRET, "refresh_token": REFRESH, "server": address,
            "token_url": f"{address}/token", "place_name": "The bakery", **more,
        }  # fmt: skip

    def route(self, request: Request) -> tuple[str, str]:
        path = request.url.path
        if path.endswith("/token"):
            return "token", ""
        rest = path.rpartition(f"/v4/{LOCATION}/reviews")[2].strip("/")
        if rest.endswith("/reply"):
            return "put" if request.method == "PUT" else "remove", rest.removesuffix("/reply")
        return ("one", rest) if rest else ("list", "")

    def page(self, ordered: list[Said], request: Request) -> Response:
        start, limit = int(request.query_params.get("pageToken", "0")), int(request.query_params["pageSize"])
        assert limit <= 50
        told: Json = {
            "reviews": [*(self.one(said) for said in ordered[start : start + limit]), *self.broken],
            "totalReviewCount": len(ordered),
        }
        if start + limit < len(ordered):
            told["nextPageToken"] = str(start + limit)
        return JSONResponse(told if told["reviews"] else {})

    def one(self, said: Said) -> Json:
        told: Json = {
            "name": f"{LOCATION}/reviews/{said.id}", "reviewId": said.id, "starRating": STARS[said.stars or 0], "comment": said.text,
            "reviewer": {"displayName": said.by, "isAnonymous": False}, "createTime": stamp(said.at), "updateTime": stamp(said.at),
        }  # fmt: skip
        return told | said.more | ({"reviewReply": self.reply(said)} if said.answer else {})

    def reply(self, said: Said) -> Json:
        """https://developers.google.com/my-business/reference/rest/v4/accounts.locations.reviews#ReviewReply"""
        state = {"reviewReplyState": said.state, "policyViolation": "OFF_TOPIC"} if said.state else {}
        return {"comment": said.answer, "updateTime": stamp(said.answered_at)} | state

    def told(self, content: Json) -> str:
        return str(content["comment"])

    def result(self, said: Said) -> Response:
        return JSONResponse(self.reply(said))

    def accepts(self, form: Json, request: Request) -> bool:
        """https://developers.google.com/identity/protocols/oauth2/web-server#offline"""
        return form == {"grant_type": "refresh_token", "client_id": "client", "client_secret": SECRET, "refresh_token": REFRESH}
