"""A Discord on this machine, as https://docs.discord.com/developers describes it; discord.py checks it (tests/servers/test_discord.py)."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.connectors.discord import shapes
from tests.connectors.discord.fakegateway import Gateway, opened
from tests.connectors.discord.shapes import ANNA, BERND, CATEGORY, GENERAL, GUILD, HELP, MODERATORS, MORNING, OURS, US, Json, stamp
from tests.served import listening

TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.hunter2-hunter2-hunter2"


class Refusal(Exception):
    """https://docs.discord.com/developers/reference#error-messages"""

    def __init__(self, status: int, code: int = 0, message: str = "no", **headers: str) -> None:
        self.status, self.body, self.headers = status, {"message": message, "code": code}, headers


@dataclass
class Discord:
    """A server with a channel, a forum and some people; and what is to go wrong."""

    channels: dict[str, Json] = field(default_factory=dict[str, Json])
    messages: dict[str, dict[str, Json]] = field(default_factory=dict[str, dict[str, Json]])  # by channel, in order
    members: dict[str, Json] = field(default_factory=dict[str, Json])
    people: dict[str, Json] = field(default_factory=dict[str, Json])
    closed: set[str] = field(default_factory=set[str])  # channels that the bot may not see
    shut: set[str] = field(default_factory=set[str])  # people who take no direct messages
    requests: list[str] = field(default_factory=list[str])
    refusals: dict[str, list[Refusal | Response]] = field(default_factory=dict[str, "list[Refusal | Response]"])  # by "GET /path"
    nonces: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    limits: dict[str, tuple[int, float]] = field(default_factory=dict[str, tuple[int, float]])  # bucket: left, until
    flags: int = 1 << 19
    starts_left: int = 999
    lost_answers: int = 0
    address: str = ""
    limit: int = 1000  # messages in one channel within `window`
    window: float = 5.0

    def __post_init__(self) -> None:
        for one in (US, ANNA, BERND):
            self.people[one["id"]] = one
        self.members = {US["id"]: shapes.member(US, OURS), ANNA["id"]: shapes.member(ANNA), BERND["id"]: shapes.member(BERND, MODERATORS)}
        self.add(shapes.channel(CATEGORY, "Shop", 4, parent_id=None))
        self.add(shapes.channel(GENERAL, "general", topic="All about bread"))
        self.add(shapes.channel(HELP, "help", 15))
        self.gateway = Gateway(TOKEN, US, [GUILD], lambda: [("GUILD_CREATE", self.guild())])

    def guild(self) -> Json:
        """https://docs.discord.com/developers/events/gateway-events#guild-create: channels and threads come without the server's id."""
        own = [{name: value for name, value in one.items() if name != "guild_id"} for one in self.channels.values() if "guild_id" in one]
        threads = [one for one in own if one["type"] in {10, 11, 12} and not one["thread_metadata"]["archived"]]
        return shapes.guild(
            joined_at=stamp(MORNING - timedelta(days=1)), large=False, unavailable=False, member_count=3, voice_states=[],
            members=[self.members[US["id"]]], channels=[one for one in own if one["type"] not in {10, 11, 12}], threads=threads,
            presences=[], stage_instances=[], guild_scheduled_events=[], soundboard_sounds=[],
        )  # fmt: skip

    def add(self, channel: Json) -> Json:
        self.channels[channel["id"]] = channel
        self.messages.setdefault(channel["id"], {})
        return channel

    def chat(self, who: Json) -> Json:
        """The direct chat with somebody (https://docs.discord.com/developers/resources/channel#channel-object-example-dm-channel)."""
        number = str(int(who["id"]) + 1)
        if number not in self.channels:
            self.add({"id": number, "type": 1, "last_message_id": None, "recipients": [who], "flags": 0})
        return self.channels[number]

    async def say(self, where: str, by: Json, text: str, *, to: Iterable[Json] = (), at: datetime | None = None, **more: Any) -> Json:
        """Somebody writes; who is there is told."""
        told = self.note(where, by, text, to=to, at=at, **more)
        await self.gateway.dispatch("MESSAGE_CREATE", self._told(told))
        return told

    def note(self, where: str, by: Json, text: str, *, to: Iterable[Json] = (), at: datetime | None = None, **more: Any) -> Json:
        """Somebody has written, and nobody was told."""
        people = [one | {"member": _partial(self.members[one["id"]])} if one["id"] in self.members else one for one in to]
        told = shapes.message(where, by, text, at or datetime.now(UTC), to=people, **more)
        self.messages[where][told["id"]] = told
        self.channels[where]["last_message_id"] = told["id"]
        return told

    async def edit(self, told: Json, text: str, *, live: bool = True, at: datetime | None = None) -> Json:
        told |= {"content": text, "edited_timestamp": stamp(at or datetime.now(UTC))}
        if live:
            await self.gateway.dispatch("MESSAGE_UPDATE", self._told(told))
        return told

    async def delete(self, *gone: Json, live: bool = True) -> None:
        where = gone[0]["channel_id"]
        for told in gone:
            self.messages[where].pop(told["id"], None)
        if live and len(gone) == 1:
            await self.gateway.dispatch("MESSAGE_DELETE", self._placed({"id": gone[0]["id"], "channel_id": where}))
        elif live:
            await self.gateway.dispatch("MESSAGE_DELETE_BULK", self._placed({"ids": [one["id"] for one in gone], "channel_id": where}))

    async def react(self, by: Json, told: Json, emoji: str, *, off: bool = False, number: str | None = None) -> None:
        """https://docs.discord.com/developers/events/gateway-events#message-reaction-add"""
        data: Json = {"user_id": by["id"], "channel_id": told["channel_id"], "message_id": told["id"], "burst": False, "type": 0}
        data["emoji"] = {"id": number, "name": emoji, "animated": False} if number else {"id": None, "name": emoji}
        if not off and by["id"] in self.members and "guild_id" in self._placed(data):
            data |= {"member": self.members[by["id"]], "message_author_id": told["author"]["id"], "burst_colors": []}
        await self.gateway.dispatch(f"MESSAGE_REACTION_{'REMOVE' if off else 'ADD'}", self._placed(data))

    async def unreact(self, told: Json, emoji: str = "") -> None:
        data = self._placed({"channel_id": told["channel_id"], "message_id": told["id"]})
        if emoji:
            await self.gateway.dispatch("MESSAGE_REACTION_REMOVE_EMOJI", data | {"emoji": {"id": None, "name": emoji}})
        else:
            await self.gateway.dispatch("MESSAGE_REACTION_REMOVE_ALL", data)

    def _placed(self, data: Json) -> Json:
        guild = self.channels[data["channel_id"]].get("guild_id")
        return data | ({"guild_id": guild} if guild else {})

    def _told(self, told: Json) -> Json:
        """A message as an event: with the server and the member (https://docs.discord.com/developers/events/gateway-events#message-create)."""
        data = self._placed(told)
        if "guild_id" in data and told["author"]["id"] in self.members and "webhook_id" not in told:
            data["member"] = _partial(self.members[told["author"]["id"]])
        return data

    async def answer(self, request: Request) -> Response:
        """Any request of the REST API."""
        path = unquote(request.url.path).removeprefix("/api/v10")
        name = f"{request.method} {path}"
        self.requests.append(name)
        if request.headers.get("authorization") != f"Bot {TOKEN}":
            return _refused(Refusal(401, 0, "401: Unauthorized"))
        try:
            waiting = self.refusals.get(name)
            if waiting:
                refusal = waiting.pop(0)
                if isinstance(refusal, Response):
                    return refusal
                raise refusal
            headers = self._count(request.method, path)
            status, content = await self._answer(request, [part for part in path.split("/") if part])
        except Refusal as refusal:
            return _refused(refusal)
        return Response(status_code=204, headers=headers) if content is None else JSONResponse(content, status, headers=headers)

    def _count(self, method: str, path: str) -> dict[str, str]:
        """https://docs.discord.com/developers/topics/rate-limits: messages are counted for each channel."""
        if method != "POST" or not path.endswith("/messages"):
            return {}
        left, until = self.limits.get(path, (self.limit, 0.0))
        if monotonic() >= until:
            left, until = self.limit, monotonic() + self.window
        seconds = round(until - monotonic(), 3)
        headers = {
            "X-RateLimit-Limit": str(self.limit), "X-RateLimit-Remaining": str(max(0, left - 1)), "X-RateLimit-Reset-After": str(seconds),
            "X-RateLimit-Reset": str(round(datetime.now(UTC).timestamp() + seconds, 3)), "X-RateLimit-Bucket": "abcd1234",
        }  # fmt: skip
        if left <= 0:
            raise too_many(seconds, **headers | {"X-RateLimit-Scope": "user"})
        self.limits[path] = (left - 1, until)
        return headers

    async def _answer(self, request: Request, parts: list[str]) -> tuple[int, Any]:
        match request.method, parts:
            case "GET", _:
                return 200, self._read(request, parts)
            case "POST", ["channels", where, "messages"]:
                told = await self._post(request, self._channel(where))
                if self.lost_answers:
                    self.lost_answers -= 1
                    raise Refusal(502)
                return 200, told
            case "PATCH", ["channels", where, "messages", number]:
                told = self._message(where, number)
                if told["author"]["id"] != US["id"]:
                    raise Refusal(403, 50005, "Cannot edit a message authored by another user")
                return 200, await self.edit(told, (await request.json())["content"])
            case "DELETE", ["channels", where, "messages", number]:
                await self.delete(self._message(where, number))
                return 204, None
            case "PUT", ["channels", where, "messages", number, "reactions", emoji, "@me"]:
                await self.react(US, self._message(where, number), emoji)
                return 204, None
            case "POST", ["users", "@me", "channels"]:
                return 200, self.chat(self._person(str((await request.json())["recipient_id"])))
            case _:
                raise Refusal(404, 0, "404: Not Found")

    def _read(self, request: Request, parts: list[str]) -> Any:
        match parts:
            case ["channels", *rest]:
                return self._read_channel(request, rest)
            case ["guilds", _]:
                return {key: value for key, value in self.guild().items() if key in shapes.guild()}
            case ["guilds", _, "threads", "active"]:
                threads = [one for one in self.channels.values() if one["type"] in {10, 11, 12}]
                return {"threads": [one for one in threads if not one["thread_metadata"]["archived"]], "members": []}
            case ["guilds", _, "members", number]:
                if number not in self.members:
                    raise Refusal(404, 10007, "Unknown Member")
                return self.members[number]
            case ["users", number] if number != "@me":
                return self._person(number)
            case _:
                return self._read_own(parts)

    def _read_own(self, parts: list[str]) -> Any:
        match parts:
            case ["users", "@me"]:
                private = {
                    "mfa_enabled": False,
                    "locale": "en-US",
                    "premium_type": 0,
                    "email": None,
                    "verified": True,
                    "flags": 0,
                    "bio": "",
                }
                return US | private
            case ["applications", "@me"] | ["oauth2", "applications", "@me"]:
                shape = {"id": US["id"], "name": "Parley", "icon": None, "description": "", "bot_public": False, "summary": ""}
                about = {"bot_require_code_grant": False, "verify_key": "1232313223", "team": None, "owner": BERND}
                return shape | about | {"flags": self.flags}
            case ["gateway"]:
                return {"url": self.gateway.address}
            case ["gateway", "bot"]:
                starts = {"total": 1000, "remaining": self.starts_left, "reset_after": 14400000, "max_concurrency": 1}
                return {"url": self.gateway.address, "shards": 1, "session_start_limit": starts}
            case _:
                raise Refusal(404, 0, "404: Not Found")

    def _read_channel(self, request: Request, parts: list[str]) -> Any:
        match parts:
            case [where]:
                return self._channel(where)
            case [where, "messages"]:
                return self._list(self._channel(where), request)
            case [where, "messages", number]:
                return self._message(where, number)
            case [where, "threads", "archived", "public"]:
                return self._archived(where, request)
            case _:
                raise Refusal(404, 0, "404: Not Found")

    def _archived(self, where: str, request: Request) -> Json:
        """https://docs.discord.com/developers/resources/channel#list-public-archived-threads: those archived last come first."""
        asked = request.query_params
        limit, before = int(asked.get("limit", 50)), asked.get("before")
        found = [one for one in self.channels.values() if one.get("parent_id") == where and one["type"] in {10, 11}]
        found = [one for one in found if one["thread_metadata"]["archived"]]
        found.sort(key=lambda one: one["thread_metadata"]["archive_timestamp"], reverse=True)
        if before:
            end = datetime.fromisoformat(before)
            found = [one for one in found if datetime.fromisoformat(one["thread_metadata"]["archive_timestamp"]) < end]
        return {"threads": found[:limit], "members": [], "has_more": len(found) > limit}

    def _list(self, channel: Json, request: Request) -> list[Json]:
        """https://docs.discord.com/developers/resources/message#get-channel-messages: newest first, the ones nearest to `after`."""
        asked = request.query_params
        limit = int(asked.get("limit", 50))
        if not 1 <= limit <= 100 or len(asked.keys() & {"before", "after", "around"}) > 1:
            raise Refusal(400, 50035, "Invalid Form Body")
        after, before = int(asked.get("after", 0)), int(asked.get("before", 2**63))
        found = [one for one in self.messages[channel["id"]].values() if after < int(one["id"]) < before]
        found.sort(key=lambda one: int(one["id"]))
        found = found[:limit] if "after" in asked else found[-limit:]
        return [{name: value for name, value in one.items() if name != "nonce"} for one in found[::-1]]

    async def _post(self, request: Request, channel: Json) -> Json:
        """https://docs.discord.com/developers/resources/message#create-message"""
        asked, files = await _given(request)
        text, nonce = str(asked.get("content") or ""), asked.get("nonce")
        if nonce is not None and (len(str(nonce)) > 25):
            raise Refusal(400, 50035, "Invalid Form Body")
        if nonce and asked.get("enforce_nonce") and (US["id"], nonce) in self.nonces:
            return self._message(channel["id"], self.nonces[US["id"], nonce])
        if channel["type"] in {4, 15, 16}:
            raise Refusal(400, 50008, "Cannot send messages in a non-text channel")
        if channel["type"] == 1 and channel["recipients"][0]["id"] in self.shut:
            raise Refusal(403, 50007, "Cannot send messages to this user")
        if not text.strip() and not files:
            raise Refusal(400, 50006, "Cannot send an empty message")
        if len(text) > 2000:
            raise Refusal(400, 50035, "Invalid Form Body")
        more: Json = {"attachments": [self._keep(one) for one in files]} | ({"nonce": nonce} if nonce else {})
        answered = str((asked.get("message_reference") or {}).get("message_id") or "")  # ids come as numbers, too
        to = [one for one in self.people.values() if f"<@{one['id']}>" in text]
        if answered in self.messages[channel["id"]]:
            told = self.messages[channel["id"]][answered]
            more |= {
                "type": 19,
                "referenced_message": told,
                "message_reference": {"type": 0, "channel_id": channel["id"], "message_id": answered},
            }
            pinged = asked.get("allowed_mentions", {}).get("replied_user", True)
            to += [told["author"]] if pinged and told["author"] not in to else []
        elif answered and asked["message_reference"].get("fail_if_not_exists", True):
            raise Refusal(400, 50035, "Invalid Form Body")
        sent = await self.say(channel["id"], US, text.strip(), to=to, **more)
        if nonce:
            self.nonces[US["id"], nonce] = sent["id"]
        return sent

    def _keep(self, given: tuple[str, bytes, str]) -> Json:
        name, content, kind = given
        number = shapes.snowflake(datetime.now(UTC))
        self.files[name] = content
        return shapes.attachment(number, name, kind, len(content))

    def _channel(self, name: str) -> Json:
        if name not in self.channels:
            raise Refusal(404, 10003, "Unknown Channel")
        if name in self.closed:
            raise Refusal(403, 50001, "Missing Access")
        return self.channels[name]

    def _message(self, where: str, number: str) -> Json:
        if number not in self.messages[self._channel(where)["id"]]:
            raise Refusal(404, 10008, "Unknown Message")
        return self.messages[where][number]

    def _person(self, number: str) -> Json:
        if number not in self.people:
            raise Refusal(404, 10013, "Unknown User")
        return self.people[number]


def too_many(seconds: float, *, everywhere: bool = False, **headers: str) -> Refusal:
    """https://docs.discord.com/developers/topics/rate-limits#exceeding-a-rate-limit"""
    given = {"Via": "1.1 google", "Retry-After": str(int(seconds) + 1)} | (
        {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"} if everywhere else {}
    )
    refusal = Refusal(429, 0, "You are being rate limited.", **given | headers)
    refusal.body = {"message": "You are being rate limited.", "retry_after": seconds, "global": everywhere}
    return refusal


def _refused(refusal: Refusal) -> Response:
    return JSONResponse(refusal.body, refusal.status, headers=refusal.headers)


def _partial(member: Json) -> Json:
    return {name: value for name, value in member.items() if name != "user"}


async def _given(request: Request) -> tuple[Json, list[tuple[str, bytes, str]]]:
    """https://docs.discord.com/developers/reference#uploading-files"""
    if request.headers.get("content-type", "").startswith("application/json"):
        return json.loads(await request.body()), []
    files: list[tuple[str, bytes, str]] = []
    async with request.form() as form:
        asked = json.loads(str(form["payload_json"]))
        for number, about in enumerate(asked["attachments"]):
            file = form[f"files[{about['id']}]"]
            assert isinstance(file, UploadFile), number
            files.append((about.get("filename") or file.filename or "", await file.read(), file.content_type or ""))
    return asked, files


@asynccontextmanager
async def serving(discord: Discord) -> AsyncIterator[str]:
    """The address of this API."""
    routes = [Route("/api/v10/{path:path}", discord.answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])]
    async with opened(discord.gateway), listening(Starlette(routes=routes)) as address:
        discord.address = f"{address}/api/v10"
        yield discord.address
