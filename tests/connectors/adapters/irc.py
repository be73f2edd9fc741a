"""A nick on IRC before a server that behaves as the documents say."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from connectors import http
from connectors.irc import Irc
from connectors.irc.config import IrcConfig
from inbox.contract import Ambiguous, AuthError, Batch, Connector, Event, EventKind, Permanent, Transient
from tests.connectors.answers import Answer
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.irc import fake


def server(on_message: Callable[[str], list[str] | None] = lambda target: [], **more: Any) -> Answer:
    return fake.Server(on_message=on_message, **more).serve


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    await reader.readline()


class IrcAdapter:
    """Direct messages."""

    name: ClassVar[str] = "irc"
    account: ClassVar[str] = fake.NICK
    thread_id: ClassVar[str] = "anna"
    secrets: ClassVar[tuple[str, ...]] = (fake.PASSWORD,)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = False
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "sent/our-key"
    speaks: ClassVar[str] = "irc"
    silence: ClassVar[Answer | None] = staticmethod(server(lambda target: None))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("no such nick", server(lambda target: [":irc.example 401 breadshop anna :No such nick/channel"]), (Permanent,)),
        Trouble("moderated", server(lambda target: [":irc.example 404 breadshop #bread :Cannot send"]), (Permanent,)),
        Trouble("wrong password", server(refuses=":irc.example 464 * :Bad server password"), (AuthError,)),
        Trouble("no signing in", server(caps="message-tags"), (AuthError,)),
        Trouble("banned", server(refuses=":irc.example 465 * :You are banned"), (Permanent,)),
        Trouble("full", server(refuses="ERROR :Too many connections"), (Transient,)),
        Trouble("hangs up", server(lambda target: ["hang up"]), (Ambiguous,)),
        Trouble("hangs up at once", hangs_up, (Transient,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "edits": "What is said is said.",
        "deletions": "What is said is said.",
        "any order": "A connection has one order.",
        "reactions": "Few servers know them.",
        "attachments": "IRC has no files.",
        "echo": "The server does not tell us what we said.",
        "webhooks": "A server calls nobody.",
        "listing": "Nobody keeps what was said.",
        "counts": "Nobody keeps what was said.",
        "standing": "There is no quota.",
        "approved texts": "There are no windows.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        port = urlsplit(address).port
        return {"host": "127.0.0.1", "port": port, "tls": False, "nick": fake.NICK, "account": "shop", "password": fake.PASSWORD}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        told = fake.Server()
        events: list[Event] = []
        http.allow(["127.0.0.0/8"])
        async with fake.running(told) as port:
            account = Irc(IrcConfig.model_validate(self.config(Path(), f"http://127.0.0.1:{port}/")))
            async with aclosing(account.stream(None)) as batches:  # type: ignore[type-var]
                await anext(batches)
                for one in said:
                    by, to = (fake.NICK, "anna") if one.by == "us" else (one.by, fake.NICK)
                    told.say(by, to, one.text, fake.tags(one.message_id, one.seconds))
                while len(events) < len(said):
                    events += (await anext(batches)).events
            await account.aclose()
        return Batch(events)

    def accepts(self) -> Answer:
        return server()


ADAPTER: Adapter = IrcAdapter()
