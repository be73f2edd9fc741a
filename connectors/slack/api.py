"""The Web API's methods, and what its errors mean (https://docs.slack.dev/apis/web-api/).

Every method answers 200 with `ok`; a limit is answered 429 with Retry-After, for that method alone
(https://docs.slack.dev/apis/web-api/rate-limits/).
"""

import json
from asyncio import sleep
from collections.abc import AsyncGenerator, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

from connectors import http
from connectors.slack.config import SlackConfig
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, RateLimited, Transient, WindowClosed

Json = dict[str, Any]
JUDGED = {400, 404, 405}  # told by what stands before the API: the method or the address is wrong
PATIENCE = 120.0  # seconds that a reading waits in its place for a limit to end; longer ones are the host's to wait for
MOST_PAGES = 50
OWN_HOSTS = (".slack.com", ".slack-files.com", ".slack-gov.com")
CREDENTIALS = {
    *("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope", "not_allowed_token_type"),
    *("org_login_required", "team_access_not_granted", "access_denied", "ekm_access_denied", "two_factor_setup_required"),
}
PASSING = {"service_unavailable", "request_timeout", "team_added_to_org", "accesslimited"}
DOUBTFUL = {"internal_error", "fatal_error"}  # "some aspect of the operation" may have succeeded, say the documents
CLOSED = {
    "is_archived": "The channel is archived: nothing can be answered there.",
    "channel_not_found": "The app is not in this conversation, or it does not exist any more.",
    "not_in_channel": "The app is not in this channel: invite it there.",
    "restricted_action": "The workspace does not let the app write there.",
    "restricted_action_read_only_channel": "Only some people may write in this channel.",
    "restricted_action_thread_only_channel": "In this channel only threads may be answered.",
    "restricted_action_thread_locked": "The thread is locked.",
    "restricted_action_non_threadable_channel": "This channel has no threads.",
    "thread_not_found": "The thread does not exist any more.",
    "cannot_reply_to_message": "This message cannot be answered.",
    "messages_tab_disabled": "The app takes no direct messages: its page App Home says so.",
    "cannot_dm_bot": "Slack lets an app write to no other app.",
    "user_disabled": "The person's account does not exist any more.",
}


class Refusal(Permanent):
    """Slack says no; `code` is its word for why."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Api:
    """One app's requests to Slack."""

    def __init__(self, config: SlackConfig) -> None:
        self._address = config.api_url
        self._token = config.bot_token.get_secret_value()
        self._app_token = config.app_token.get_secret_value() if config.app_token else ""
        self._client = http.Client("Slack", limit=25 * 1024 * 1024)
        self.scopes: frozenset[str] = frozenset()  # what the token may do, once an answer has told

    async def call(self, method: str, parameters: Mapping[str, Any] | None = None, *, sending: bool = False) -> Json:
        """One method's answer."""
        return await self._ask(method, parameters or {}, self._token, sending=sending)

    async def open_socket(self) -> str:
        """Where events come by for a while (https://docs.slack.dev/reference/methods/apps.connections.open)."""
        url = (await self._ask("apps.connections.open", {}, self._app_token, sending=False)).get("url")
        if not isinstance(url, str) or urlsplit(url).scheme not in {"ws", "wss"} or not urlsplit(url).hostname:
            raise Transient("Slack does not say where its events come.")
        return url

    async def read(self, method: str, parameters: Mapping[str, Any]) -> Json:
        """A method that changes nothing. Where Slack asks to wait, it waits: other methods are not concerned."""
        while True:
            try:
                return await self.call(method, parameters)
            except RateLimited as limit:
                if limit.retry_after > PATIENCE:
                    raise
                await sleep(max(limit.retry_after, 1.0))

    async def pages(self, method: str, name: str, parameters: Mapping[str, Any]) -> AsyncGenerator[list[Json]]:
        """The parts of a list (https://docs.slack.dev/apis/web-api/pagination); at most `MOST_PAGES`."""
        cursor = ""
        for _ in range(MOST_PAGES):
            answer = await self.read(method, {**parameters, "cursor": cursor} if cursor else parameters)
            given: Any = answer.get(name)
            entries = cast("list[Any]", given) if isinstance(given, list) else []
            yield [cast("Json", entry) for entry in entries if isinstance(entry, dict)]
            told: Any = answer.get("response_metadata")
            cursor = str(cast("Json", told).get("next_cursor") or "") if isinstance(told, dict) else ""
            if not cursor:
                return

    async def upload(self, address: str, content: bytes) -> None:
        """Hand bytes in where files.getUploadURLExternal said; they show nowhere before the upload is completed."""
        await self._client.fetch("POST", address, content=content, headers={"content-type": "application/octet-stream"})

    async def download(self, address: str) -> httpx.Response:
        """A file's bytes. The token goes to Slack and nobody else (https://docs.slack.dev/reference/objects/file-object)."""
        host = urlsplit(address).hostname or ""
        is_own = host.endswith((".slack.com", ".slack-files.com", ".slack-gov.com")) or host in {
            "slack.com",
            urlsplit(self._address).hostname,
        }
        headers = {"authorization": f"Bearer {self._token}"} if is_own else {}
        return await self._client.fetch("GET", address, headers=headers)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _ask(self, method: str, parameters: Mapping[str, Any], token: str, *, sending: bool) -> Json:
        form = {name: _value(value) for name, value in parameters.items() if value is not None}
        headers = {"authorization": f"Bearer {token}"}
        response = await self._client.fetch(
            "POST", f"{self._address}/{method}", sending=sending, expected=JUDGED, data=form, headers=headers
        )
        answer = _json(response.content)
        if response.status_code in JUDGED and (answer is None or "error" not in answer):
            raise Permanent(f"Slack answered {response.status_code}.")
        if answer is None or not isinstance(answer.get("ok"), bool):
            words = "Slack answered with something that is not what its documents say."
            raise Ambiguous(words) if sending else Transient(words)
        if answer["ok"]:
            if token == self._token and "x-oauth-scopes" in response.headers:
                self.scopes = frozenset(scope.strip() for scope in response.headers["x-oauth-scopes"].split(","))
            return answer
        raise error(answer, response.headers, sending=sending)


def error(answer: Json, headers: Mapping[str, str], *, sending: bool) -> ConnectorError:
    """What a refusal means (the list of errors on each method's page)."""
    code = str(answer.get("error") or "")[:100]
    if code in {"ratelimited", "rate_limited"}:
        return RateLimited("Slack asks us to wait.", http.retry_after(headers.get("retry-after")))
    if code == "missing_scope":
        return AuthError(f"The app lacks the scope {str(answer.get('needed') or '')[:100]}: add it and install the app again.")
    if code in CREDENTIALS:
        return AuthError(f"Slack does not accept the token ({code}): install the app again and enter its token.")
    if code in CLOSED:
        return WindowClosed(CLOSED[code])
    if code in PASSING:
        return Transient(f"Slack cannot do it now ({code}).")
    if code in DOUBTFUL:
        words = f"Slack failed ({code})."
        return Ambiguous(words) if sending else Transient(words)
    return Refusal(f"Slack refuses: {code or 'without a reason'}.", code)


def _value(value: Any) -> str:
    """As a form's field: what is not text is JSON, and half an emoji is none."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    return json.dumps(value) if isinstance(value, dict | list | bool) else str(value)


def _json(content: bytes) -> Json | None:
    try:
        found: Any = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return cast("Json", found) if isinstance(found, dict) else None
