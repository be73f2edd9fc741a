"""Slack before its own answers: the story is told in a group conversation, where everything is for us."""

import json
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from connectors.slack import Slack, signing
from inbox import contract
from inbox.contract import Ambiguous, AuthError, Batch, Connector, Event, EventKind, Permanent, RateLimited, Transient, WindowClosed
from tests.connectors.answers import TOKEN as PLACE
from tests.connectors.answers import Answer, breaks_off, hangs, hangs_up, says
from tests.connectors.conformance import MORNING, NOWHERE, Adapter, Said, Trouble
from tests.connectors.slack import fake
from tests.connectors.slack.fake import APP_TOKEN, BOT, GROUP, SECRET, TOKEN, US

SENT = "1772442000.000900"


def refuses(error: str, *headers: str, **more: str) -> Answer:
    return says(200, json.dumps({"ok": False, "error": error, **more}).encode(), *headers)


class SlackAdapter:
    """Pushed callbacks, signed as Slack signs them."""

    name: ClassVar[str] = "slack"
    account: ClassVar[str] = US
    secrets: ClassVar[tuple[str, ...]] = (TOKEN, APP_TOKEN, SECRET, PLACE)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE, EventKind.EDIT, EventKind.DELETE, EventKind.REACTION})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False  # only histories do
    folds_blanks: ClassVar[bool] = False
    thread_id: ClassVar[str] = f"{GROUP}:1772438400.000100"
    sent_id: ClassVar[str] = f"{GROUP}:{SENT}"
    silence: ClassVar[Answer | None] = staticmethod(hangs)
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("invalid_auth", refuses("invalid_auth"), (AuthError,)),
        Trouble("missing_scope", refuses("missing_scope", needed="chat:write"), (AuthError,)),
        Trouble("401 of a gateway", says(401), (AuthError,)),
        Trouble("not_in_channel", refuses("not_in_channel"), (WindowClosed,)),
        Trouble("is_archived", refuses("is_archived"), (WindowClosed,)),
        Trouble("msg_too_long", refuses("msg_too_long"), (Permanent,)),
        Trouble("404", says(404), (Permanent,)),
        Trouble("429", says(429, b'{"ok": false, "error": "ratelimited"}', "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble("ratelimited", refuses("ratelimited", "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble("internal_error", refuses("internal_error"), (Ambiguous,)),
        Trouble("service_unavailable", refuses("service_unavailable"), (Transient,)),
        Trouble("500", says(500), (Ambiguous,)),
        Trouble("503", says(503), (Transient,)),
        Trouble("bad JSON", says(200, b"<html>welcome</html>"), (Ambiguous,)),
        Trouble("JSON of something else", says(200, b'{"ok": true}'), (Ambiguous,)),
        Trouble("hangs up", hangs_up, (Ambiguous,)),
        Trouble("breaks off", breaks_off, (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "counts": "Slack says no number of a channel's messages.",
        "standing": "Slack does not tell how much is left before it says no.",
        "approved texts": "Slack has no windows.",
        "hide": "A message is there or deleted.",
        "unhide": "Nothing can be hidden.",
        "approve": "Messages are not held back.",
        "spam": "Slack has no such action.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"bot_token": TOKEN, "app_token": APP_TOKEN, "signing_secret": SECRET, "api_url": address}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        assert isinstance(connector, Slack)
        workspace, events = fake.Workspace(), list[Event]()
        for one in said:
            events += self._pushed(connector, self._callback(workspace, one)).events
        return Batch(events)

    def accepts(self) -> Answer:
        return says(200, json.dumps({"ok": True, "channel": GROUP, "ts": SENT}).encode())

    def shown_id(self, message_id: str) -> str:
        """The suite's own id; its numbers grow with the stamps."""
        return f"m{int(message_id.rpartition('.')[2])}" if message_id.startswith(GROUP) else message_id

    def _pushed(self, slack: Slack, payload: dict[str, Any]) -> Batch:
        body, stamp = json.dumps(payload).encode(), str(int(MORNING.timestamp()))
        headers = {signing.TIME: stamp, signing.SIGNATURE: signing.sign(body, stamp, SECRET).decode()}
        _, batches = slack.webhook(contract.Request("POST", headers, {}, body, datetime.fromtimestamp(int(stamp), UTC)))
        assert not batches[US].rejected
        return batches[US]

    def _callback(self, workspace: fake.Workspace, said: Said) -> dict[str, Any]:
        stamp, moment = _stamp(said.message_id), f"{int(said.at.timestamp())}.{said.seconds:06}"
        user = US if said.by == "us" else f"U{said.by.upper()}"
        text = said.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        message: dict[str, Any] = {"type": "message", "user": user, "text": text, "ts": stamp, "channel": GROUP}
        if user == US:
            message["bot_id"] = BOT
        if said.parent:
            message["thread_ts"] = _stamp(said.parent)
        match said.kind:
            case EventKind.EDIT:
                new = message | {"edited": {"user": user, "ts": moment}}
                event = {"type": "message", "subtype": "message_changed", "message": new, "channel": GROUP, "ts": moment}
            case EventKind.DELETE:
                event = {"type": "message", "subtype": "message_deleted", "deleted_ts": stamp, "channel": GROUP, "ts": moment}
            case EventKind.REACTION:
                item = {"type": "message", "channel": GROUP, "ts": stamp}
                event = {"type": "reaction_added", "user": user, "reaction": "+1", "item": item}
            case _:
                event = message
        names = f"Ev{zlib.crc32(repr(said).encode())}"
        return workspace.callback(event | {"event_ts": moment}, event_id=names)


def _stamp(message_id: str) -> str:
    """The suite names messages m1 and native-1: Slack names them by their time."""
    if ":" in message_id:
        return message_id.partition(":")[2]
    digits = int(message_id.removeprefix("m")) if message_id.startswith("m") else zlib.crc32(message_id.encode()) % 900_000 + 1000
    return f"1772438400.{digits:06}"


ADAPTER: Adapter = SlackAdapter()
