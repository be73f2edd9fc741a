"""Trustpilot as https://developers.trustpilot.com/business-units-api and …/service-reviews-api describe it."""

import base64
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.connectors.reviews.fake import Json, Platform, Said, stamp

UNIT, USER = "507f191e810c19729de860ea", "507f191e810c19729de860eb"
KEY, SECRET = "hunter2key", "hunter2secret"


class Pilot(Platform):
    name: ClassVar[str] = "trustpilot"

    def settings(self, address: str, **more: Any) -> Json:
        return {"business_unit": UNIT, "business_user": USER, "api_key": KEY, "api_secret": SECRET, "server": address, **more}

    def route(self, request: Request) -> tuple[str, str]:
        path = request.url.path.partition("/v1/")[2]
        if path == "oauth/oauth-business-users-for-applications/accesstoken":
            return "token", ""
        if path == f"business-units/{UNIT}":
            return "account", ""
        if path == f"private/business-units/{UNIT}/reviews":
            return "list", ""
        rest = path.removeprefix("private/reviews/")
        if rest.endswith("/reply"):
            return "put" if request.method == "POST" else "remove", rest.removesuffix("/reply")
        return "one", rest

    def account(self) -> Json:
        """https://developers.trustpilot.com/business-units-api, Get public business unit"""
        return {"id": UNIT, "displayName": "The bakery", "name": {"identifying": "bread.example", "referring": ["bread.example"]}}

    def page(self, ordered: list[Said], request: Request) -> Response:
        page, limit = int(request.query_params.get("page", "1")), int(request.query_params["perPage"])
        shown = ordered[(page - 1) * limit : page * limit]
        return JSONResponse({"reviews": [*(self.one(said) for said in shown), *self.broken]})

    def one(self, said: Said) -> Json:
        at = stamp(said.at)
        reply = {"text": said.answer, "createdAt": stamp(said.answered_at), "updatedAt": None} if said.answer else None
        return {
            "id": said.id, "consumer": {"id": f"consumer-{said.by}", "displayName": said.by, "numberOfReviews": 1}, "stars": said.stars,
            "title": said.title, "text": said.text, "language": "en", "createdAt": at, "updatedAt": None, "companyReply": reply,
            "isVerified": True, "status": "active", "tags": [], "referenceId": None, "referralEmail": None, **said.more,
        }  # fmt: skip

    def told(self, content: Json) -> str:
        assert content["authorBusinessUserId"] == USER
        return str(content["message"])

    def result(self, said: Said) -> Response:
        return Response(status_code=200)

    def accepts(self, form: Json, request: Request) -> bool:
        """https://developers.trustpilot.com/grant-type-client-credentials"""
        given = request.headers["authorization"]
        return form == {"grant_type": "client_credentials"} and given == f"Basic {base64.b64encode(f'{KEY}:{SECRET}'.encode()).decode()}"
