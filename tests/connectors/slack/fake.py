"""A Slack workspace on this machine, as Slack's documents describe it; checked by slack-sdk, an independent client (tests/servers).

Methods: https://docs.slack.dev/reference/methods; events: https://docs.slack.dev/reference/events; the envelope:
https://docs.slack.dev/apis/events-api; Socket Mode: https://docs.slack.dev/apis/events-api/using-socket-mode.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.served import listening

Json = dict[str, Any]
TOKEN, APP_TOKEN, SECRET = "xoxb-hunter2-hunter3", "xapp-1-hunter4", "8f742231b10e8888abcd99yyyzzz85a5"  # the secret is the documents' own
TEAM, APP, BOT, US = "T0SHOP", "A0PARLEY", "B0PARLEY", "U0PARLEY"
ANNA, BERND = "U0ANNA", "U0BERND"
HELP, SECRETS, CHAT, GROUP = "C0HELP", "G0SECRET", "D0ANNA", "C0GROUP"
MORNING = 1772438400  # 2 March 2026, 8:00 UTC
SCOPES = (
    "chat:write,reactions:read,reactions:write,files:read,files:write,users:read,im:write,"
    "channels:read,channels:history,groups:read,groups:history,im:read,im:history,mpim:read,mpim:history"
)


class Refusal(Exception):
    """`ok: false`, or something that is no answer of the API's at all."""

    def __init__(self, error: str = "", response: Response | None = None, **more: Any) -> None:
        self.response = response or JSONResponse({"ok": False, "error": error, **more})


def user(user_id: str, name: str, **more: Any) -> Json:
    """https://docs.slack.dev/reference/objects/user-object"""
    profile = {"display_name": name.title(), "real_name": f"{name.title()} Ash", "image_72": f"https://avatars.example/{name}.png"}
    flags = dict.fromkeys(("deleted", "is_admin", "is_owner", "is_bot", "is_restricted", "is_ultra_restricted", "is_app_user"), False)
    return {"id": user_id, "team_id": TEAM, "name": name, "real_name": profile["real_name"], "profile": profile, **flags, **more}


def conversation(channel: str, name: str = "", **more: Any) -> Json:
    """https://docs.slack.dev/reference/objects/conversation-object"""
    flags = {"is_channel": True, "is_group": False, "is_im": False, "is_mpim": False, "is_private": False, "is_archived": False}
    return {"id": channel, "name": name, "created": MORNING, "is_member": True, **flags, **more}


@dataclass
class Workspace:
    """What the workspace has, who was asked what, and what is to go wrong."""

    messages: dict[str, list[Json]] = field(default_factory=dict)
    conversations: dict[str, Json] = field(default_factory=dict)
    users: dict[str, Json] = field(default_factory=dict)
    files: dict[str, Json] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    calls: list[tuple[str, Json]] = field(default_factory=list)
    refusals: dict[str, list[Refusal]] = field(default_factory=dict)  # by method, for its next calls
    acknowledged: list[str] = field(default_factory=list)
    sockets: list[ServerConnection] = field(default_factory=list)
    hello: Json = field(default_factory=lambda: {"type": "hello", "num_connections": 1, "connection_info": {"app_id": APP}})
    scopes: str = SCOPES
    address: str = ""
    socket_address: str = ""
    looks_at_files: int = 0  # before it tells where they are shown
    page: int = 1000
    lost_answers: int = 0  # posts that are taken and never answered
    _next: int = 0

    def __post_init__(self) -> None:
        self.users = {US: user(US, "parley", is_bot=True), ANNA: user(ANNA, "anna"), BERND: user(BERND, "bernd", is_restricted=True)}
        private = {"is_private": True, "is_channel": False}
        self.conversations = {
            HELP: conversation(HELP, "help"),
            SECRETS: conversation(SECRETS, "secrets", is_group=True, **private),
            CHAT: conversation(CHAT, is_im=True, user=ANNA, is_member=None, **private),
            GROUP: conversation(GROUP, "mpdm-anna--bernd--parley-1", is_mpim=True, **private),
        }
        self.messages = {channel: [] for channel in self.conversations}

    def stamp(self) -> str:
        self._next += 1
        return f"{MORNING + self._next}.{self._next:06}"

    def say(self, by: str, text: str, channel: str = HELP, **more: Any) -> Json:
        """Somebody has said something, and nobody was told."""
        said = {"type": "message", "user": by, "text": text, "ts": more.pop("ts", None) or self.stamp(), "team": TEAM, **more}
        self.messages[channel].append(said)
        root = self.find(channel, str(said.get("thread_ts") or ""))
        if root is not None and root is not said:
            root |= {"thread_ts": root["ts"], "reply_count": root.get("reply_count", 0) + 1, "latest_reply": said["ts"]}
        return said

    def find(self, channel: str, stamp: str) -> Json | None:
        return next((said for said in self.messages.get(channel, []) if said["ts"] == stamp), None)

    def edit(self, channel: str, said: Json, text: str) -> Json:
        before = dict(said)
        said |= {"text": text, "edited": {"user": said["user"], "ts": self.stamp()}}
        changed = {"type": "message", "subtype": "message_changed", "hidden": True, "message": dict(said), "previous_message": before}
        return self.callback({**changed, "channel": channel, "ts": said["edited"]["ts"]})

    def delete(self, channel: str, said: Json) -> Json:
        self.messages[channel].remove(said)
        gone = {"type": "message", "subtype": "message_deleted", "hidden": True, "deleted_ts": said["ts"], "previous_message": dict(said)}
        return self.callback({**gone, "channel": channel, "ts": self.stamp()})

    def react(self, by: str, channel: str, said: Json, name: str, *, added: bool = True) -> Json:
        found = [one for one in said.get("reactions", []) if one["name"] != name]
        if added:
            found.append({"name": name, "users": [by], "count": 1})
        said["reactions"] = found
        kind, item = "reaction_added" if added else "reaction_removed", {"type": "message", "channel": channel, "ts": said["ts"]}
        return self.callback({"type": kind, "user": by, "reaction": name, "item_user": said["user"], "item": item})

    def callback(self, event: Json, **more: Any) -> Json:
        """An event as it is told."""
        self._next += 1
        event = {"event_ts": f"{MORNING + self._next}.{self._next:06}", **event}
        if event["type"] == "message":
            found = self.conversations.get(event["channel"], {})
            kind = "im" if found.get("is_im") else "mpim" if found.get("is_mpim") else "group" if found.get("is_private") else "channel"
            event["channel_type"] = kind
        who = {"enterprise_id": None, "team_id": TEAM, "user_id": US, "is_bot": True, "is_enterprise_install": False}
        return {
            "token": "ZZZZZZWSxiZZZ2yIvs3peJ", "team_id": TEAM, "api_app_id": APP, "event": event, "type": "event_callback",
            "event_id": f"Ev{self._next:08}", "event_time": int(float(event["event_ts"])), "authorizations": [who],
            "is_ext_shared_channel": False, "event_context": "4-ctx", **more,
        }  # fmt: skip

    def told(self, said: Json, channel: str = HELP) -> Json:
        return self.callback({**said, "channel": channel})

    async def push(self, payload: Json, **more: Any) -> str:
        """By Socket Mode, on the connection that was opened last."""
        self._next += 1
        name = f"envelope-{self._next}"
        envelope = {"envelope_id": name, "type": "events_api", "accepts_response_payload": False, "payload": payload, **more}
        await self.sockets[-1].send(json.dumps(envelope))
        return name

    async def answer(self, request: Request) -> Response:
        method = request.path_params["method"]
        given: Json = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        if request.headers.get("content-type", "").startswith("application/json"):
            given = await request.json()
        self.calls.append((method, given))
        try:
            if self.refusals.get(method):
                raise self.refusals[method].pop(0)
            given_token = request.headers.get("authorization", "").removeprefix("Bearer ") or given.get("token")
            if given_token != (APP_TOKEN if method == "apps.connections.open" else TOKEN):
                raise Refusal("invalid_auth")
            handler = getattr(self, "_" + method.replace(".", "_").lower(), None)
            if handler is None:
                raise Refusal("unknown_method")
            told = {"ok": True} | handler(given)
            if method == "chat.postMessage" and self.lost_answers:
                self.lost_answers -= 1
                return Response("Bad gateway", 502)
            return JSONResponse(told, headers={"x-oauth-scopes": self.scopes})
        except Refusal as refusal:
            return refusal.response

    def _auth_test(self, given: Json) -> Json:
        return {"url": "https://shop.slack.com/", "team": "Shop", "user": "parley", "team_id": TEAM, "user_id": US, "bot_id": BOT}

    def _apps_connections_open(self, given: Json) -> Json:
        return {"url": f"{self.socket_address}/?ticket=1&app_id=2"}

    def _users_conversations(self, given: Json) -> Json:
        kinds = given.get("types", "public_channel").split(",")
        return paged("channels", [one for one in self.conversations.values() if kind(one) in kinds], given, self.page)

    def _users_info(self, given: Json) -> Json:
        if given["user"] not in self.users:
            raise Refusal("user_not_found")
        return {"user": self.users[given["user"]]}

    def _conversations_history(self, given: Json) -> Json:
        """The newest first; answers in threads only where they were shown in the channel too."""
        said = self._channel(given)
        shown = [one for one in said if one.get("thread_ts") in {None, one["ts"]} or one.get("subtype") == "thread_broadcast"]
        found = [one for one in shown if after(one["ts"], given.get("oldest", "0"))]
        told = paged("messages", sorted(found, key=lambda one: number(one["ts"]), reverse=True), given, self.page)
        return told | {"has_more": bool(told["response_metadata"]["next_cursor"])}

    def _conversations_replies(self, given: Json) -> Json:
        """The beginning of the thread always, and the answers after `oldest`, the oldest first."""
        said = self._channel(given)
        if not any(one["ts"] == given["ts"] for one in said):
            raise Refusal("thread_not_found")
        thread = [one for one in said if one["ts"] == given["ts"] or one.get("thread_ts") == given["ts"]]
        found = [one for one in thread if one["ts"] == given["ts"] or after(one["ts"], given.get("oldest", "0"))]
        told = paged("messages", sorted(found, key=lambda one: number(one["ts"])), given, self.page)
        return told | {"has_more": bool(told["response_metadata"]["next_cursor"])}

    def _channel(self, given: Json) -> list[Json]:
        if given.get("channel") not in self.messages:
            raise Refusal("channel_not_found")
        return self.messages[given["channel"]]

    def _chat_postmessage(self, given: Json) -> Json:
        self._channel(given)
        if not given.get("text"):
            raise Refusal("no_text")
        if len(given["text"]) > 40_000:
            raise Refusal("msg_too_long")
        more = {"metadata": loaded(given["metadata"])} if given.get("metadata") else {}
        if given.get("thread_ts"):
            more["thread_ts"] = given["thread_ts"]
        said = self.say(US, given["text"], given["channel"], bot_id=BOT, app_id=APP, ts=now(), **more)
        return {"channel": given["channel"], "ts": said["ts"], "message": said}

    def _own(self, given: Json, refusal: str) -> Json:
        said = self.find(given["channel"], given["ts"])
        if said is None:
            raise Refusal("message_not_found")
        if said["user"] != US:
            raise Refusal(refusal)
        return said

    def _chat_update(self, given: Json) -> Json:
        said = self._own(given, "cant_update_message")
        self.edit(given["channel"], said, given["text"])
        return {"channel": given["channel"], "ts": said["ts"], "text": said["text"]}

    def _chat_delete(self, given: Json) -> Json:
        self.delete(given["channel"], self._own(given, "cant_delete_message"))
        return {"channel": given["channel"], "ts": given["ts"]}

    def _reactions_add(self, given: Json) -> Json:
        said = self.find(given["channel"], given["timestamp"])
        if said is None:
            raise Refusal("message_not_found")
        if any(US in one["users"] for one in said.get("reactions", []) if one["name"] == given["name"]):
            raise Refusal("already_reacted")
        self.react(US, given["channel"], said, given["name"])
        return {}

    def _reactions_get(self, given: Json) -> Json:
        said = self.find(given["channel"], given["timestamp"])
        if said is None:
            raise Refusal("message_not_found")
        return {"type": "message", "channel": given["channel"], "message": said}

    def _conversations_open(self, given: Json) -> Json:
        return {"channel": {"id": CHAT}, "already_open": True, "no_op": True}

    def _files_getuploadurlexternal(self, given: Json) -> Json:
        file_id = f"F{len(self.files):04}"
        self.files[file_id] = {"id": file_id, "name": given["filename"], "size": int(given["length"]), "shares": {}}
        return {"upload_url": f"{self.address}/upload/{file_id}", "file_id": file_id}

    def _files_completeuploadexternal(self, given: Json) -> Json:
        done = [self.files[one["id"]] | {"title": one.get("title", "")} for one in loaded(given["files"])]
        if any(one["id"] not in self.contents for one in done):
            raise Refusal("file_not_found")
        channel, more = given["channel_id"], {"thread_ts": given["thread_ts"]} if given.get("thread_ts") else {}
        said = self.say(US, given.get("initial_comment", ""), channel, files=done, subtype="file_share", ts=now(), **more)
        for one in done:
            url = f"{self.address}/files/{one['id']}"
            self.files[one["id"]] = one | {
                "url_private": url,
                "mimetype": "text/plain",
                "shares": {"public": {channel: [{"ts": said["ts"]}]}},
            }
        return {"files": [{"id": one["id"], "title": one["title"]} for one in done]}

    def _files_info(self, given: Json) -> Json:
        if given["file"] not in self.files:
            raise Refusal("file_not_found")
        self.looks_at_files -= 1
        return {"file": self.files[given["file"]] | ({"shares": {}} if self.looks_at_files >= 0 else {})}

    def add_file(self, name: str, content: bytes, media_type: str) -> Json:
        """https://docs.slack.dev/reference/objects/file-object"""
        file_id = f"F{len(self.files):04}"
        self.contents[file_id] = content
        url = f"{self.address}/files/{file_id}"
        told = {"id": file_id, "name": name, "title": name, "mimetype": media_type, "size": len(content), "url_private": url}
        self.files[file_id] = told | {"mode": "hosted", "is_external": False}
        return self.files[file_id]

    async def upload(self, request: Request) -> Response:
        self.contents[request.path_params["file"]] = await request.body()
        return Response("OK - 4")

    async def download(self, request: Request) -> Response:
        """Who does not say the token gets the page to sign in."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Response("<html>Sign in</html>", media_type="text/html; charset=utf-8")
        return Response(self.contents[request.path_params["file"]], media_type="application/octet-stream")

    async def listen(self, connection: ServerConnection) -> None:
        await connection.send(json.dumps(self.hello))
        self.sockets.append(connection)
        try:
            async for raw in connection:
                self.acknowledged.append(json.loads(raw)["envelope_id"])
        except ConnectionClosed:
            return


def now() -> str:
    return f"{datetime.now(UTC).timestamp():.6f}"


def number(stamp: str) -> float:
    return float(stamp)


def after(stamp: str, oldest: str) -> bool:
    return number(stamp) > number(oldest or "0")


def kind(one: Json) -> str:
    if one["is_im"] or one["is_mpim"]:
        return "im" if one["is_im"] else "mpim"
    return "private_channel" if one["is_private"] else "public_channel"


def loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def paged(name: str, entries: list[Json], given: Json, most: int) -> Json:
    """https://docs.slack.dev/apis/web-api/pagination"""
    start, limit = int(given.get("cursor") or 0), min(int(given.get("limit") or 100), most)
    end = start + limit
    return {name: entries[start:end], "response_metadata": {"next_cursor": str(end) if end < len(entries) else ""}}


@asynccontextmanager
async def serving(workspace: Workspace) -> AsyncIterator[str]:
    """The address of the API."""
    routes = [
        Route("/api/{method}", workspace.answer, methods=["GET", "POST"]),
        Route("/upload/{file}", workspace.upload, methods=["POST"]),
        Route("/files/{file}", workspace.download),
    ]
    async with serve(workspace.listen, "127.0.0.1", 0) as sockets, listening(Starlette(routes=routes)) as workspace.address:
        workspace.socket_address = f"ws://127.0.0.1:{sockets.sockets[0].getsockname()[1]}"
        yield f"{workspace.address}/api"
