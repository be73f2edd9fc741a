"""What the fakes of the platforms for reviews have in common: reviews, one answer to each, tokens that end, and what is to go wrong."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.connectors.conformance import MORNING

TOKEN = "hunter2.access"
ELLIPTIC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
Json = dict[str, Any]


def pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Said:
    id: str
    text: str
    at: datetime
    by: str = "anna"
    title: str = ""
    stars: int | None = None
    answer: str = ""
    answered_at: datetime = MORNING
    state: str = ""  # of the answer
    more: Json = field(default_factory=dict[str, Any])


@dataclass
class Platform:
    """Says what it was told to, the newest first."""

    name: ClassVar[str]
    reviews: dict[str, Said] = field(default_factory=dict[str, Said])
    broken: list[Json] = field(default_factory=list[Json])  # entries that nobody can read
    requests: list[str] = field(default_factory=list[str])
    posted: list[Json] = field(default_factory=list[Json])
    trouble: dict[str, list[Response]] = field(default_factory=dict[str, "list[Response]"])  # by "list", "one", "put", "remove", "token"

    def say(self, text: str, review_id: str | None = None, *, at: datetime | None = None, **more: Any) -> Said:
        number = len(self.reviews) + 1
        said = Said(review_id or f"r{number}", text, at or MORNING + timedelta(seconds=number), **more)
        self.reviews[said.id] = said
        return said

    def change(self, review_id: str, **more: Any) -> None:
        self.reviews[review_id] = replace(self.reviews[review_id], **more)

    async def answer(self, request: Request) -> Response:
        kind, review_id = self.route(request)
        self.requests.append(kind)
        if self.trouble.get(kind):
            return self.trouble[kind].pop(0)
        if kind == "token":
            return await self.token(request)
        if not self.knows(request):
            return JSONResponse({"error": "no"}, 401)
        if kind == "account":
            return JSONResponse(self.account())
        if kind == "list":
            ordered = sorted(self.reviews.values(), key=lambda said: (said.at, said.id), reverse=True)
            return self.page(ordered, request)
        if review_id not in self.reviews:
            return JSONResponse({"error": "not found"}, 404)
        if kind == "put":
            text = self.told(await request.json())
            self.posted.append({"id": review_id, "text": text})
            self.change(review_id, answer=text, answered_at=datetime.now(UTC))
            return self.result(self.reviews[review_id])
        if kind == "remove":
            self.change(review_id, answer="")
            return Response(status_code=204)
        return JSONResponse(self.one(self.reviews[review_id]))

    def knows(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {TOKEN}"

    async def token(self, request: Request) -> Response:
        """https://www.rfc-editor.org/rfc/rfc6749#section-5.1"""
        if not self.accepts(dict(await request.form()), request):
            return JSONResponse({"error": "invalid_client"}, 401)
        return JSONResponse({"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"})

    def settings(self, address: str, **more: Any) -> Json:
        raise NotImplementedError

    def route(self, request: Request) -> tuple[str, str]:
        raise NotImplementedError

    def page(self, ordered: list[Said], request: Request) -> Response:
        raise NotImplementedError

    def one(self, said: Said) -> Json:
        raise NotImplementedError

    def told(self, content: Json) -> str:
        raise NotImplementedError

    def result(self, said: Said) -> Response:
        raise NotImplementedError

    def account(self) -> Json:
        return {}

    def accepts(self, form: Json, request: Request) -> bool:
        raise NotImplementedError
