"""An account on XMPP before a server that behaves as the documents say."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from connectors import http
from connectors.xmpp import ids
from inbox.contract import Ambiguous, AuthError, Batch, Connector, Event, EventKind, Permanent, RateLimited, Transient
from tests.connectors.answers import Answer
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.xmpp import fake
from tests.connectors.xmpp.fake import ROOM, US, error

SPOKEN_TO = f'<reference xmlns="urn:xmpp:reference:0" type="mention" uri="xmpp:{US}"/>'


def server(**more: Any) -> Answer:
    return fake.Server(**more).serve


def refuses(condition: str, kind: str = "cancel") -> Answer:
    return server(on_message=lambda stanza: error(stanza, condition, kind))


async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    await reader.readuntil(b">")


class XmppAdapter:
    """A room with everybody of the suite in it, who all speak to us: in a room, only that expects an answer."""

    name: ClassVar[str] = "xmpp"
    account: ClassVar[str] = US
    secrets: ClassVar[tuple[str, ...]] = (fake.PASSWORD,)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE, EventKind.EDIT, EventKind.DELETE, EventKind.REACTION})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = True
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = ids.join(ids.ROOM, "sent-1", ROOM)
    thread_id: ClassVar[str] = ""
    parent_id: ClassVar[str] = ids.join(ids.ROOM, "m1", ROOM)
    speaks: ClassVar[str] = "xmpp"
    silence: ClassVar[Answer | None] = staticmethod(server(on_message=fake.silence))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("not in the room", refuses("not-acceptable"), (Permanent,)),
        Trouble("may not speak", refuses("forbidden", "auth"), (Permanent,)),
        Trouble("too much", refuses("policy-violation", "wait"), (RateLimited,), retry_after=30),
        Trouble("another server is silent", refuses("remote-server-timeout", "wait"), (Transient,)),
        Trouble("hangs up on the message", server(on_message=lambda stanza: ["hang up"]), (Ambiguous,)),
        Trouble("wrong password", server(refuses="not-authorized"), (AuthError,)),
        Trouble("cannot check passwords", server(refuses="temporary-auth-failure"), (Transient,)),
        Trouble("no way to sign in", server(mechanisms=("GSSAPI",)), (AuthError,)),
        Trouble("banned from the room", server(on_join=lambda stanza: error(stanza, "forbidden", "auth")), (Permanent,)),
        Trouble("no server of this domain", server(greets=fake.stream_error("host-unknown")), (Permanent,)),
        Trouble("going down", server(greets=fake.stream_error("system-shutdown")), (Transient,)),
        Trouble("no XML", server(greets="<<<"), (Transient,)),
        Trouble("hangs up at once", leaves, (Transient,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "webhooks": "A server calls nobody.",
        "fetched files": "Whoever has a link to a file may fetch it.",
        "hide": "A room has no hidden messages.",
        "unhide": "A room has no hidden messages.",
        "approve": "A room holds nothing back.",
        "spam": "A report goes to the server's admin, by people.",
        "approved texts": "XMPP has no windows.",
        "standing": "A server tells its limits only when they are reached.",
        "counts": "A room is no post.",
        "listing": "A room is read back from its archive.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return fake.settings(urlsplit(address).port or 9)

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        http.allow(["127.0.0.0/8"])
        told, events = fake.Server(), list[Event]()
        for one in said:
            if one.kind in {EventKind.EDIT, EventKind.DELETE}:  # what it is about was said before, somewhere
                told.say(_who(one), "<body>Before</body>", entry=f"{one.message_id}", name=f"client-id-{one.message_id}", kind="groupchat")
        told.say(f"{ROOM}/anna", "<body>Start</body>", entry="start", kind="groupchat")
        for number, one in enumerate(said):
            self._say(told, number, one)
        cursor = json.dumps({"archives": {"": ["", ""], ROOM: ["start", ""]}})
        async with fake.connected(told) as xmpp, aclosing(xmpp.stream(cursor)) as batches:  # type: ignore[type-var]
            while len(events) < len(said):
                events += (await anext(batches)).events
        return Batch(events)

    def accepts(self) -> Answer:
        return server()

    def shown_id(self, message_id: str) -> str:
        """The suite's own id: that of the room's archive."""
        return ids.split(message_id).id

    def _say(self, told: fake.Server, number: int, one: Said) -> None:
        target, stanza = ids.split(one.message_id).id or one.message_id, f"<body>{escape(one.text)}</body>"
        entry, name = f"entry-{number}-{hash(one)}", one.client_key or f"client-id-{target}"
        match one.kind:
            case EventKind.EDIT:
                stanza += f'<replace xmlns="urn:xmpp:message-correct:0" id="client-id-{target}"/>'
                name = f"client-id-{entry}"
            case EventKind.DELETE:
                stanza = f'<retract xmlns="urn:xmpp:message-retract:1" id="{target}"/>'
            case EventKind.REACTION:
                stanza = f'<reactions xmlns="urn:xmpp:reactions:0" id="{target}"><reaction>{one.text}</reaction></reactions>'
            case _:
                entry = target
                stanza += SPOKEN_TO + (f'<reply xmlns="urn:xmpp:reply:0" id="{one.parent}"/>' if one.parent else "")
        told.say(_who(one), stanza, entry=entry, name=name, seconds=one.seconds, kind="groupchat")


def _who(one: Said) -> str:
    return f"{ROOM}/{'shop' if one.by == 'us' else one.by}"


ADAPTER: Adapter = XmppAdapter()
