"""The Bot API's methods, and what its errors mean (https://core.telegram.org/bots/api#making-requests).

The token is a part of every address, so no address may ever show: the HTTP client names none, and descriptions are told without the token.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from pydantic import ValidationError

from connectors import http
from connectors.telegram.shapes import Answer, Shape
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, RateLimited, Transient, WindowClosed

LARGEST = 20 * 1024 * 1024  # bytes of a file that a bot may fetch (https://core.telegram.org/bots/api#getfile)
JUDGED = range(400, 500)  # answers whose description says more than their status
UPLOADING = httpx.Timeout(20.0, connect=10.0, read=90.0)  # Telegram looks at large files before it answers
SLACK = 15.0  # seconds that a long poll may take beyond its own time-out
Upload = tuple[str, tuple[str, bytes, str]]  # field, and the file's name, content and type

CLOSED = {
    "bot was blocked by the user": "The person has blocked the bot: nothing can be answered here.",
    "user is deactivated": "The person's Telegram account does not exist any more.",
    "bot was kicked": "The bot was removed from this group: nothing can be answered there.",
    "bot is not a member": "The bot is not in this group or channel: nothing can be answered there.",
    "bot can't initiate conversation": "The person has not written to the bot: a bot cannot begin.",
    "TOPIC_CLOSED": "The topic is closed.",
    "TOPIC_DELETED": "The topic does not exist any more.",
    "message thread not found": "The topic does not exist any more.",
    "group chat was deactivated": "The group does not exist any more.",
}
POLLED = "Another program fetches this bot's messages too: only one may, end the other or give it a bot of its own."
HOOKED = "A webhook is set for this bot, so nothing can be fetched: let the channel take the bot over, or end the webhook where it was set."


class Moved(Permanent):
    """The group has become a supergroup, with another id. Nothing was sent."""

    def __init__(self, chat: str) -> None:
        super().__init__("The group has become a supergroup.")
        self.chat = chat


class ReplyGone(Permanent):
    """The message that should be answered is not there any more. Nothing was sent."""


class FileInfo(Shape):
    file_path: str | None = None
    file_size: int | None = None


class Api:
    """One bot at one Bot API server."""

    def __init__(self, base: str, token: str) -> None:
        self._client = http.Client("Telegram", limit=LARGEST + 1024)
        self._base, self._token = base, token

    async def call(self, method: str, parameters: Mapping[str, Any] | None = None, *, sending: bool = False, wait: float = 0.0) -> Any:
        """One method's result. `wait`: seconds that the server may keep us waiting on purpose."""
        options: dict[str, Any] = {"json": dict(parameters or {})}
        if wait:
            options["timeout"] = httpx.Timeout(wait + SLACK, connect=10.0)
        return await self._ask(method, options, sending=sending)

    async def upload(self, method: str, parameters: Mapping[str, str], files: Sequence[Upload]) -> Any:
        """A method that sends files along, as multipart/form-data (https://core.telegram.org/bots/api#sending-files)."""
        return await self._ask(method, {"data": dict(parameters), "files": list(files), "timeout": UPLOADING}, sending=True)

    async def file(self, file_id: str) -> bytes:
        """A file's bytes. Its address holds the token, so it is asked for anew each time and never kept."""
        found = FileInfo.model_validate(await self.call("getFile", {"file_id": file_id}))
        if not found.file_path or found.file_path.startswith("/"):
            raise Permanent("Telegram does not say where the file is.")
        response = await self._client.fetch("GET", f"{self._base}/file/bot{self._token}/{found.file_path}", expected={404})
        if response.status_code == 404:
            raise Permanent("Telegram does not have the file any more.")
        return response.content

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _ask(self, method: str, options: Mapping[str, Any], *, sending: bool) -> Any:
        response = await self._client.fetch("POST", f"{self._base}/bot{self._token}/{method}", sending=sending, expected=JUDGED, **options)
        try:
            answer = Answer.model_validate(json.loads(response.content))  # not pydantic's own reading: it refuses half an emoji anywhere
        except (ValidationError, ValueError, RecursionError):
            if response.status_code < 400:
                words = "Telegram answered with something that is not what its documents say."
                raise (Ambiguous(words) if sending else Transient(words)) from None
            answer = Answer(ok=False)
        if answer.ok:
            return answer.result
        raise error(answer.error_code or response.status_code, answer, self._told(answer.description))

    def _told(self, description: str) -> str:
        return description.replace(self._token, "…")[:300]


def error(status: int, answer: Answer, described: str) -> ConnectorError:
    """What a refusal means; nothing was done then."""
    if answer.parameters.migrate_to_chat_id is not None:
        return Moved(str(answer.parameters.migrate_to_chat_id))
    if status == 429:
        given = answer.parameters.retry_after
        return RateLimited("Telegram asks us to wait.", http.retry_after(None if given is None else str(given)))
    if status in {401, 404}:  # a token that cannot be one is not found
        return AuthError("Telegram does not accept the bot's token: get a new one from @BotFather.")
    for words, sentence in CLOSED.items():
        if words in described:
            return WindowClosed(sentence)
    if status == 409:
        return Permanent(HOOKED) if "webhook" in described.lower() else Transient(POLLED)
    if status in {408, 425} or status >= 500:
        return Transient(f"Telegram answered {status}.")
    if status == 413:
        return Permanent("Telegram does not take files of this size.")
    if "message to be replied not found" in described or "message to reply not found" in described:
        return ReplyGone("The message that should be answered is not there any more.")
    return Permanent(f"Telegram refuses: {described or status}")
