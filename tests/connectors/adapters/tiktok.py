"""TikTok before a fake that behaves as its documents say."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.tiktok import TikTok
from inbox.contract import Ambiguous, AuthError, Batch, Connector, EventKind, Permanent, RateLimited, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import MORNING, NOWHERE, Adapter, Said, Trouble
from tests.connectors.relay import first_batches, routed, says_json
from tests.connectors.tiktok import fake
from tests.connectors.tiktok.fake import REFRESH, SECRET, TOKEN, US


def asked(post: Answer) -> Answer:
    """A platform that hands out tokens, and answers a reply like this."""
    token = {"code": 0, "data": {"access_token": TOKEN, "expires_in": 86400}}
    return routed({b"POST /": post, b"/refresh_token/": says_json(token)})


def refuses(code: int, status: int = 200, *headers: str) -> Answer:
    return asked(answers.says(status, bytes(fake.answer(code=code).body), *headers))


def number(name: str) -> str:
    """A comment's number: TikTok makes no other names."""
    return name.rpartition("/")[2] if "/" in name else str(zlib.crc32(name.encode()))


class TikTokAdapter:
    """An account whose comments are fetched."""

    name: ClassVar[str] = "tiktok"
    account: ClassVar[str] = US
    secrets: ClassVar[tuple[str, ...]] = (SECRET, REFRESH, TOKEN, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "731/77"
    thread_id: ClassVar[str] = "731/1"
    prelude: ClassVar[tuple[str, ...]] = ("/refresh_token/",)
    silence: ClassVar[Answer | None] = staticmethod(asked(answers.hangs))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("a grant that has ended", routed({b"/refresh_token/": says_json({"code": 40103, "message": TOKEN})}), (AuthError,)),
        Trouble("a token that is refused", refuses(40105), (AuthError,)),
        Trouble("401", refuses(0, 401), (AuthError,)),
        Trouble("a permission that lacks", refuses(40001), (AuthError,)),
        Trouble("a lasting refusal", refuses(40002), (Permanent,)),
        Trouble("404", refuses(0, 404), (Permanent,)),
        Trouble("too many", refuses(40100), (RateLimited,), retry_after=60),
        Trouble("429", refuses(0, 429, "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble("TikTok's own failure", refuses(50000), (Ambiguous,)),
        Trouble("500", refuses(0, 500), (Ambiguous,)),
        Trouble("503", refuses(0, 503), (Transient,)),
        Trouble("bad JSON", asked(answers.says(200, b"<html>welcome</html>")), (Ambiguous,)),
        Trouble("JSON of something else", asked(answers.says(200, b"{}")), (Ambiguous,)),
        Trouble("hangs up", asked(answers.hangs_up), (Ambiguous,)),
        Trouble("breaks off", asked(answers.breaks_off), (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "edits": "TikTok has none.",
        "reactions": "Who likes a comment is not told.",
        "private replies": "Only who has written a direct message can be answered there.",
        "approved texts": "TikTok knows none.",
        "edit": "TikTok has none.",
        "approve": "The API lets through nothing that TikTok holds back.",
        "spam": "The API has no such action.",
    }
    todo: ClassVar[dict[str, str]] = {
        "attachments": "A direct message may be a picture.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"app_id": "app", "app_secret": SECRET, "business_id": US, "refresh_token": REFRESH, "api_url": address}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        tiktok = fake.TikTok()
        film = tiktok.film("Bread")
        first = tiktok.say("anna", "When?", film, id=number("m1"), at=MORNING)
        for one in said:
            tiktok.say(one.by, one.text, first if one.by == "us" else film, id=number(one.message_id), at=one.at)
        return await first_batches(tiktok, lambda address: TikTok(TikTok.Config.model_validate(self.config(Path(), address))))

    def accepts(self) -> Answer:
        return asked(says_json({"code": 0, "message": "OK", "data": {"comment_id": "77"}}))


ADAPTER: Adapter = TikTokAdapter()
