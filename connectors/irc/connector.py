"""The connector: what is said in the channels and to the nick as a stream, and a way to answer."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import BaseModel

from connectors import sharing
from connectors.irc import lines, parse
from connectors.irc.config import IrcConfig
from connectors.irc.connection import NOT_JOINED, Connection
from connectors.irc.lines import Line
from connectors.sharing import Shared
from inbox.contract import (
    Action,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    Permanent,
    Receipt,
    Rejected,
    Reply,
    Transient,
    Verification,
)

CONNECTED = "connected"  # all that can be remembered: nobody keeps what was said meanwhile


class Irc:
    """One nick on an IRC network."""

    name: ClassVar[str] = "irc"
    title: ClassVar[str] = "IRC"
    Config: ClassVar[type[BaseModel]] = IrcConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.SERVER,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=2000,
        actions=frozenset({Action.PRIVATE_REPLY}),
    )

    def __init__(self, config: IrcConfig) -> None:
        self._config = config
        self._shared: Shared[Connection] | None = None

    async def check(self) -> Author:
        """Be there under the nick."""
        connection = await self._connected()
        return Author(parse.folded(connection.nick), connection.nick, handle=connection.nick, is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Everything from now on. Whoever was there before may have missed something."""
        connection = await self._connected()
        yield Batch(cursor=CONNECTED, gap=cursor is not None)
        async with aclosing(connection.lines()) as heard:
            async for line in heard:
                batch = self._read(line, connection.nick)
                if batch is not None:
                    yield batch
        raise Transient("The connection to the server broke.")

    async def send(self, reply: Reply) -> Receipt:
        """Say it in the channel, naming who is answered, or to the person."""
        if reply.attachments:
            raise Permanent("IRC has no files.")
        target = reply.thread_id if reply.thread_id or reply.private else reply.post_id
        target = target or reply.recipient or ""
        if not target or any(sign in target for sign in " ,\r\n\0:"):
            raise Permanent("Nobody knows where to say this.")
        is_room = target.startswith(parse.CHANNELS)
        text = f"{reply.recipient}: {reply.text}" if is_room and reply.recipient else reply.text
        connection = await self._connected()
        await connection.say(target, lines.split(text, lines.room(connection.nick, target)))
        return Receipt(f"sent/{reply.key}", datetime.now(UTC))

    async def aclose(self) -> None:
        if self._shared is not None:
            shared, self._shared = self._shared, None
            await sharing.give_back(self._config, shared)

    def _read(self, line: Line, us: str) -> Batch | None:
        if line.command in NOT_JOINED:
            raise Permanent(f"A channel cannot be joined ({line.command}: {lines.plain(line.words)[:200]}).")
        if line.command == "KICK" and len(line.params) > 1 and parse.folded(line.params[1]) == parse.folded(us):
            raise Transient("Somebody has put us out of a channel.")
        if not line.command and line.params:
            return Batch(cursor=CONNECTED, rejected=[Rejected(line.words.encode(), "It is a line without a command.")])
        if not line.command or line.command.isdecimal() or line.command == "CAP":
            return None
        try:
            return Batch([parse.message(line, us, datetime.now(UTC))], cursor=CONNECTED)
        except parse.Passed as passed:
            return Batch(cursor=CONNECTED, passed_over={str(passed): 1})

    async def _connected(self) -> Connection:
        if self._shared is None:
            self._shared = sharing.take(self._config, lambda: Connection(self._config))
        return await self._shared.connected()
