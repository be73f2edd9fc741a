"""App Store Connect as https://developer.apple.com/documentation/appstoreconnectapi/customer-reviews describes it."""

import base64
import json
from typing import Any, ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.connectors.reviews.fake import ELLIPTIC, Json, Platform, Said, pem, stamp

APP = "1234567890"
LIMITS = {"x-rate-limit": "user-hour-lim:3500;user-hour-rem:500;"}


class Store(Platform):
    name: ClassVar[str] = "appstore"

    def settings(self, address: str, **more: Any) -> Json:
        return {"app": APP, "issuer": "57246542-96fe", "key_id": "2X9R4HXF34", "private_key": pem(ELLIPTIC), "server": address, **more}

    def knows(self, request: Request) -> bool:
        """https://developer.apple.com/documentation/appstoreconnectapi/generating-tokens-for-api-requests"""
        text, _, signature = request.headers.get("authorization", "").removeprefix("Bearer ").rpartition(".")
        given = base64.urlsafe_b64decode(signature + "==")
        halves = encode_dss_signature(int.from_bytes(given[:32]), int.from_bytes(given[32:]))
        try:
            ELLIPTIC.public_key().verify(halves, text.encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in text.split("."))
        assert (header, claims["aud"]) == ({"alg": "ES256", "typ": "JWT", "kid": "2X9R4HXF34"}, "appstoreconnect-v1")
        return claims["iss"] == "57246542-96fe" and claims["exp"] - claims["iat"] <= 1200

    def route(self, request: Request) -> tuple[str, str]:
        path = request.url.path.partition("/v1/")[2].split("/")
        match (request.method, path):
            case ("GET", ["apps", _]):
                return "account", ""
            case ("GET", ["apps", _, "customerReviews"]):
                return "list", ""
            case ("GET", ["customerReviews", review_id]):
                return "one", review_id
            case ("GET", ["customerReviews", review_id, "response"]):
                return "response", review_id
            case ("POST", ["customerReviewResponses"]):
                return "put", "asked"
            case ("DELETE", ["customerReviewResponses", response_id]):
                return "remove", response_id.removeprefix("response-")
            case _:
                return "unknown", ""

    async def answer(self, request: Request) -> Response:
        kind, review_id = self.route(request)
        if kind == "response" and not self.trouble.get(kind):
            return JSONResponse({"data": self.response(self.reviews[review_id])})
        if kind == "put" and not self.trouble.get(kind) and self.knows(request):
            self.requests.append("put")
            data = (await request.json())["data"]
            review_id, text = data["relationships"]["review"]["data"]["id"], data["attributes"]["responseBody"]
            self.posted.append({"id": review_id, "text": text})
            self.change(review_id, answer=text)
            return self.result(self.reviews[review_id])
        return await super().answer(request)

    def account(self) -> Json:
        """https://developer.apple.com/documentation/appstoreconnectapi/get-v1-apps-_id_"""
        return {"data": {"type": "apps", "id": APP, "attributes": {"name": "Bread Now", "bundleId": "com.example.bread"}}}

    def page(self, ordered: list[Said], request: Request) -> Response:
        asked = request.query_params
        assert (asked["sort"], asked["include"]) == ("-createdDate", "response")
        start, limit = int(asked.get("cursor", "0")), int(asked["limit"])
        shown = ordered[start : start + limit]
        told: Json = {"data": [*(self.entry(said) for said in shown), *self.broken], "links": {"self": str(request.url)}}
        told["included"] = [self.response(said) for said in shown if said.answer]
        if start + limit < len(ordered):
            told["links"]["next"] = (
                f"https://api.appstoreconnect.apple.com/v1/apps/{APP}/customerReviews?cursor={start + limit}&limit={limit}"
            )
        return JSONResponse(told, headers=LIMITS)

    def one(self, said: Said) -> Json:
        return {"data": self.entry(said)} | ({"included": [self.response(said)]} if said.answer else {})

    def entry(self, said: Said) -> Json:
        """https://developer.apple.com/documentation/appstoreconnectapi/customerreview"""
        attributes = {"title": said.title, "body": said.text, "reviewerNickname": said.by, "createdDate": stamp(said.at)} | said.more
        attributes |= {"rating": said.stars} if said.stars else {}
        data = {"type": "customerReviewResponses", "id": f"response-{said.id}"} if said.answer else None
        return {"type": "customerReviews", "id": said.id, "attributes": attributes, "relationships": {"response": {"data": data}}}

    def result(self, said: Said) -> Response:
        return JSONResponse({"data": self.response(said)}, 201)

    def response(self, said: Said) -> Json:
        """https://developer.apple.com/documentation/appstoreconnectapi/customerreviewresponsev1"""
        attributes = {"responseBody": said.answer, "lastModifiedDate": stamp(said.answered_at), "state": "PENDING_PUBLISH"}
        return {"type": "customerReviewResponses", "id": f"response-{said.id}", "attributes": attributes}
