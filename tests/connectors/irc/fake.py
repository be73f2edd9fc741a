"""An IRC server as https://modern.ircdocs.horse/ describes it: one client, tags with ids, SASL, and what is to go wrong."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.connectors.conformance import MORNING

PASSWORD = "hunter2hunter2"
NICK = "breadshop"


@dataclass
class Server:
    """`on_message` answers instead of taking the words: nothing at all, or lines."""

    caps: str = "message-tags server-time sasl"
    taken: set[str] = field(default_factory=set[str])  # nicks
    said: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    got: list[str] = field(default_factory=list[str])
    greets: list[str] = field(default_factory=list[str])  # lines right after the welcome
    refuses: str = ""  # a line instead of the welcome
    on_message: Callable[[str], list[str] | None] = lambda target: []
    writers: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])
    nick: str = ""
    is_deaf: bool = False  # no ping is answered

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        ready = {"nick": False, "cap": True}
        silent = False
        try:
            while raw := await reader.readline():
                text = raw.decode().rstrip("\r\n")
                assert len(raw) <= 512
                self.got.append(text)
                if silent:
                    continue
                command, _, rest = text.partition(" ")
                if command == "PRIVMSG":
                    target, _, words = rest.partition(" :")
                    answer = self.on_message(target)
                    silent = answer is None
                    if answer == ["hang up"]:
                        return
                    if not answer:
                        self.said.append((target, words))
                    self.tell(*answer or [])
                    continue
                await self._command(command, rest, ready)
        except ConnectionError:
            pass
        finally:
            writer.close()

    def tell(self, *lines: str) -> None:
        self.writers[-1].write("".join(f"{line}\r\n" for line in lines).encode())

    def say(self, nick: str, target: str, text: str, tags: str = "") -> None:
        self.tell(f"{f'@{tags} ' if tags else ''}:{nick}!~u@host.example PRIVMSG {target} :{text}")

    def hang_up(self) -> None:
        self.writers[-1].close()

    async def _command(self, command: str, rest: str, ready: dict[str, bool]) -> None:
        match command, rest.split(" "):
            case "CAP", ["LS", *_]:
                ready["cap"] = False
                self.tell(f":irc.example CAP * LS :{self.caps}")
            case "CAP", ["REQ", *_]:
                self.tell(f":irc.example CAP * ACK :{rest.partition(':')[2]}")
            case "CAP", ["END"]:
                ready["cap"] = True
                self._welcome(ready)
            case "AUTHENTICATE", ["PLAIN"]:
                self.tell("AUTHENTICATE +")
            case "AUTHENTICATE", [secret]:
                given = base64.b64decode(secret).decode().split("\0")
                self.tell(":irc.example 903 * :Signed in" if given == ["", "shop", PASSWORD] else ":irc.example 904 * :No")
            case "NICK", [nick]:
                if nick in self.taken:
                    self.tell(f":irc.example 433 * {nick} :Nickname is already in use")
                    return
                self.nick, ready["nick"] = nick, True
                self._welcome(ready)
            case "PING", _ if not self.is_deaf:
                self.tell(f":irc.example PONG irc.example {rest}")
            case "JOIN", _:
                self.tell(f":{self.nick}!~u@host.example JOIN {rest}")
            case _:
                pass

    def _welcome(self, ready: dict[str, bool]) -> None:
        if all(ready.values()):
            self.tell(self.refuses or f":irc.example 001 {self.nick} :Welcome", *self.greets)


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[int]:
    """The port at which it listens."""
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
        for writer in server.writers:
            writer.close()


def tags(message_id: str, seconds: float = 0) -> str:
    """https://ircv3.net/specs/extensions/message-ids, https://ircv3.net/specs/extensions/server-time"""
    return f"msgid={message_id};time={MORNING.strftime('%Y-%m-%dT%H:')}{int(seconds) // 60:02}:{int(seconds) % 60:02}.000Z"
