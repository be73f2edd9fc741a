"""Requests to Discord's REST API, and what its errors mean.

https://docs.discord.com/developers/reference, https://docs.discord.com/developers/topics/opcodes-and-status-codes#json and
https://docs.discord.com/developers/topics/rate-limits#exceeding-a-rate-limit.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, cast

import httpx

from connectors import http
from connectors.discord.limits import Limits
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, RateLimited, Transient, WindowClosed

Json = dict[str, Any]
Upload = tuple[str, tuple[str, bytes, str]]  # field, and the file's name, content and type
AGENT = "DiscordBot (https://parley.example, 1)"  # Discord asks for this form
JUDGED = range(400, 500)
SHORT = 5.0  # seconds that a request waits here; longer pauses are the host's
PATIENCE = 60.0  # the same while reading, where to begin anew would cost more
TRIES = 5
UPLOADING = httpx.Timeout(20.0, connect=10.0, read=90.0, write=90.0)
LARGEST = 64 * 1024 * 1024  # bytes of an answer: a hundred long messages, with all that they embed
LONGEST_WORDS = 200

UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, UNREADABLE, DENIED = 10003, 10008, 50001, 50013
CLOSED = {
    UNKNOWN_CHANNEL: "The channel or thread does not exist any more.",
    50007: "Discord delivers no direct message to this person: they do not accept any from this server's bots, or share no server with it.",
    50083: "The thread is archived, and the bot may not open it again.",
    160005: "The thread is locked.",
}
SENTENCES = {
    UNKNOWN_MESSAGE: "The message does not exist any more.",
    20026: "Discord has restricted this bot: the Developer Portal says why.",
    UNREADABLE: "The bot may not see this channel: give its role View Channel there.",
    50005: "Only a message's own author can edit it.",
    DENIED: "The bot lacks a permission in this channel: give its role what the channel's page in the documentation lists.",
    40005: "Discord does not take files of this size.",
    50045: "Discord does not take files of this size.",
    50006: "Discord takes no empty message.",
    160002: "The bot may not answer without Read Message History in this channel.",
    200000: "The server's automatic moderation has blocked this message.",
    200001: "The server's automatic moderation has blocked this title.",
}


class Refusal(Permanent):
    """Discord says no. `code` is its own number for the reason, 0 where it gives none."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Api:
    """One bot's requests."""

    def __init__(self, address: str, token: str) -> None:
        self._token = token
        headers = {"authorization": f"Bot {token}", "user-agent": AGENT}
        self._client = http.Client("Discord", base_url=address, headers=headers, limit=LARGEST)
        self.limits = Limits()

    async def get(self, path: str, **params: str | int) -> Json:
        """One thing."""
        found = _json(await self._read(path, params))
        if not isinstance(found, dict):
            raise Transient("Discord answered with something that is not what its documents say.")
        return cast("Json", found)

    async def list(self, path: str, **params: str | int) -> list[Any]:
        """Several things."""
        found = _json(await self._read(path, params))
        if not isinstance(found, list):
            raise Transient("Discord answered with something that is not what its documents say.")
        return cast("list[Any]", found)

    async def change(self, method: str, path: str, content: Json | None = None, *, files: Sequence[Upload] = ()) -> Json:
        """Change something; what nobody can know afterwards is Ambiguous. An answer without content is an empty object."""
        pause = self.limits.pause(method, path)
        if pause > SHORT:  # nothing has left
            raise RateLimited("Discord asks us to wait.", pause)
        await asyncio.sleep(pause)
        options: dict[str, Any] = {}
        if content is not None:
            body = json.dumps(content, ensure_ascii=False).encode(errors="replace")
            options = {"content": body, "headers": {"content-type": "application/json"}}
            if files:  # https://docs.discord.com/developers/reference#uploading-files
                options = {"data": {"payload_json": body.decode()}, "files": list(files), "timeout": UPLOADING}
        response = await self._fetch(method, path, sending=True, **options)
        found: Any = _json(response) if response.content else {}
        if not isinstance(found, dict):
            raise Ambiguous("Discord answered with something that is not what its documents say.")
        return cast("Json", found)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _read(self, path: str, params: dict[str, str | int]) -> httpx.Response:
        """A request that may be made again: short pauses are waited for here."""
        for tries in range(TRIES):
            pause = self.limits.pause("GET", path)
            if pause > PATIENCE:
                raise RateLimited("Discord asks us to wait.", pause)
            await asyncio.sleep(pause)
            try:
                return await self._fetch("GET", path, params=params)
            except RateLimited as error:
                if error.retry_after > PATIENCE or tries == TRIES - 1:
                    raise
        raise Transient("Discord does not answer.")

    async def _fetch(self, method: str, path: str, *, sending: bool = False, **options: Any) -> httpx.Response:
        response = await self._client.fetch(method, path, sending=sending, expected=JUDGED, **options)
        self.limits.learn(method, path, response.headers)
        if response.status_code < 300:
            return response
        raise self._error(method, path, response)

    def _error(self, method: str, path: str, response: httpx.Response) -> ConnectorError:
        status, told = response.status_code, _json(response)
        if status == 429:
            return self._too_many(method, path, response, told)
        if status in {408, 425}:
            return Transient(f"Discord answered {status}.")
        if not isinstance(told, dict):  # something before Discord, which answers such requests itself
            return Transient(f"Something before Discord answered {status}.")
        answer = cast("Json", told)
        code, words = _code(answer), str(answer.get("message", "")).replace(self._token, "…")[:LONGEST_WORDS]
        if status == 401:
            return AuthError("Discord does not accept the bot's token: reset it in the Developer Portal and enter the new one.")
        if code in CLOSED:
            return WindowClosed(CLOSED[code])
        return Refusal(SENTENCES.get(code, f"Discord answered {status} ({words or 'without a reason'})."), code)

    def _too_many(self, method: str, path: str, response: httpx.Response, told: Any) -> RateLimited:
        """The body is more precise than the header, which is whole seconds."""
        body = cast("Json", told) if isinstance(told, dict) else {}
        given = body.get("retry_after")
        seconds = http.retry_after(str(given) if isinstance(given, int | float) else response.headers.get("retry-after"))
        is_global = body.get("global") is True or response.headers.get("x-ratelimit-global") == "true"
        self.limits.refused(method, path, seconds, is_global=is_global)
        return RateLimited("Discord asks us to wait.", seconds)


def _code(told: Json) -> int:
    code = told.get("code")
    return code if isinstance(code, int) else 0


def _json(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None
