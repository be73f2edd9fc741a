"""Google Play as https://developers.google.com/android-publisher/api-ref/rest/v3/reviews describes it."""

import base64
import json
from typing import Any, ClassVar

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.connectors.reviews.fake import RSA, Json, Platform, Said, pem

PACKAGE = "com.example.bread"
EMAIL = "parley@example.iam.gserviceaccount.com"


def moment(at: Any) -> Json:
    return {"seconds": str(int(at.timestamp())), "nanos": at.microsecond * 1000}


class Play(Platform):
    name: ClassVar[str] = "googleplay"

    def settings(self, address: str, **more: Any) -> Json:
        """https://developers.google.com/identity/protocols/oauth2/service-account#creatinganaccount"""
        key = {"type": "service_account", "client_email": EMAIL, "private_key": pem(RSA), "token_uri": f"{address}/token"}
        return {"package": PACKAGE, "service_account_key": json.dumps(key), "server": address, **more}

    def route(self, request: Request) -> tuple[str, str]:
        path = request.url.path
        if path.endswith("/token"):
            return "token", ""
        rest = path.rpartition(f"/androidpublisher/v3/applications/{PACKAGE}/reviews")[2].strip("/")
        if rest.endswith(":reply"):
            return "put", rest.removesuffix(":reply")
        return ("one", rest) if rest else ("list", "")

    def page(self, ordered: list[Said], request: Request) -> Response:
        start, limit = int(request.query_params.get("token", "0")), int(request.query_params["maxResults"])
        told: Json = {"reviews": [*(self.one(said) for said in ordered[start : start + limit]), *self.broken]}
        if start + limit < len(ordered):
            told["tokenPagination"] = {"nextPageToken": str(start + limit)}
        return JSONResponse(told if told["reviews"] else {})

    def one(self, said: Said) -> Json:
        text = f"{said.title}\t{said.text}" if said.title else said.text
        user: Json = {"text": text, "lastModified": moment(said.at), "reviewerLanguage": "en", "thumbsUpCount": 1}
        user |= ({"starRating": said.stars} if said.stars else {}) | said.more
        comments: list[Json] = [{"userComment": user}]
        if said.answer:
            comments.append({"developerComment": {"text": said.answer, "lastModified": moment(said.answered_at)}})
        return {"reviewId": said.id, "authorName": said.by, "comments": comments}

    def told(self, content: Json) -> str:
        return str(content["replyText"])

    def result(self, said: Said) -> Response:
        return JSONResponse({"result": {"replyText": said.answer, "lastEdited": moment(said.answered_at)}})

    def accepts(self, form: Json, request: Request) -> bool:
        """https://developers.google.com/identity/protocols/oauth2/service-account#httprest"""
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        text, _, signature = form["assertion"].rpartition(".")
        given = base64.urlsafe_b64decode(signature + "==")
        RSA.public_key().verify(given, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in text.split("."))
        assert (header["alg"], claims["iss"], claims["exp"] - claims["iat"]) == ("RS256", EMAIL, 3600)
        return claims["scope"] == "https://www.googleapis.com/auth/androidpublisher"
