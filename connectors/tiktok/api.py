"""Requests to TikTok's Business API: refusals come with 200 and a code (https://business-api.tiktok.com/portal/docs?id=1737172488964097)."""

import json
from collections.abc import AsyncGenerator
from typing import Any, cast

import httpx

from connectors import http, rest
from connectors.oauth import Tokens
from connectors.rest import Doubtful, Json, Refusal, Stale, inner, objects
from connectors.tiktok.config import TikTokConfig
from inbox.contract import AuthError, ConnectorError, Permanent, RateLimited

PAGE = 30
MOST_PAGES = 17  # TikTok orders no more than 500 comments of a video by time
VIDEO_FIELDS = json.dumps(["item_id", "create_time", "caption", "share_url", "thumbnail_url", "comments"])
MINUTE = 60.0  # limits are of a minute
STALE = {40102, 40105}
REFUSED = {40001, 40103, 40104}
TOO_MANY = {40100, 40101, 40132, 40133}
SERVER = 50_000  # and above: TikTok's own failures


class TikTokApi:
    """One account's requests."""

    def __init__(self, config: TikTokConfig) -> None:
        self._account = config.business_id
        self.tokens = Tokens(config.grant, header="access-token", scheme="")
        self._api = rest.Api("TikTok", config.api_url, self.tokens, self._judge)

    async def get(self, path: str, **params: Any) -> Json:
        """What lies under `data`."""
        return _data(await self._api.get(path, business_id=self._account, **params))

    async def videos(self, count: int, only: str | None = None) -> list[Json]:
        """https://business-api.tiktok.com/portal/docs?id=1739940572667906: the newest first, or one of them."""
        filters = json.dumps({"video_ids": [only]}) if only else None
        return objects((await self.get("business/video/list/", fields=VIDEO_FIELDS, max_count=count, filters=filters)).get("videos"))

    async def comments(self, video: str, comment: str | None = None) -> AsyncGenerator[list[Json]]:
        """Page after page of the comments of a video, or of the answers to one of them, the newest first."""
        path, cursor = f"business/comment/{'reply/' if comment else ''}list/", 0
        order: Json = {"sort_field": "create_time", "sort_order": "desc", "status": "ALL"} | ({} if comment else {"include_replies": True})
        for _ in range(MOST_PAGES):
            told = await self.get(path, video_id=video, comment_id=comment, cursor=cursor, max_count=PAGE, **order)
            yield objects(told.get("comments"))
            if not told.get("has_more"):
                return
            cursor = told.get("cursor")

    async def change(self, path: str, content: Json) -> Json:
        """Change something; nobody knows what became of it where the answer is lost."""
        return _data(await self._api.call("POST", path, sending=True, json={"business_id": self._account, **content}))

    async def picture(self, conversation: str, message: str, media: str) -> bytes:
        """A picture of a direct message (https://business-api.tiktok.com/portal/docs?id=1832184403754242)."""
        content = {"business_id": self._account, "conversation_id": conversation, "message_id": message, "media_id": media}
        told = await self._api.call("POST", "business/message/media/download/", json={**content, "media_type": "IMAGE"})
        address = inner(told, "data", "download_url")
        if not isinstance(address, str):
            raise Permanent("TikTok does not say where the picture is.")
        client = http.Client("TikTok's file server")
        try:
            return (await client.fetch("GET", address)).content
        finally:
            await client.aclose()

    async def aclose(self) -> None:
        await self._api.aclose()

    def _judge(self, response: httpx.Response, told: Json) -> ConnectorError | None:
        status, code = response.status_code, told.get("code", 0)
        if status == 429 or code in TOO_MANY:
            asked = response.headers.get("retry-after")
            return RateLimited("TikTok asks us to wait.", http.retry_after(asked) if asked else MINUTE)
        if status == 401 or code in STALE:
            return Stale("TikTok does not accept the access any more: connect the account again.")
        if code in REFUSED:
            return AuthError("The application lacks a permission for this account.")
        if isinstance(code, int) and code >= SERVER:
            return Doubtful(f"TikTok failed ({code}).")
        if status >= 400 or code:
            return Refusal(f"TikTok does not take this ({code or status}).", is_gone=status == 404)
        return None


def _data(told: Json) -> Json:
    found: Any = told.get("data")
    return cast("Json", found) if isinstance(found, dict) else {}
