"""One connection to a server: signing in, staying there, and knowing what the server took.

The server says nothing of a message that it took. So a PING follows each, and its PONG says that everything before was read: a refusal
would have come first.
"""

import asyncio
import base64
import contextlib
from collections.abc import AsyncGenerator, Iterable

import httpx

from connectors import http
from connectors.irc import lines
from connectors.irc.config import IrcConfig
from connectors.irc.lines import Line
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, Transient

SILENCE = 90.0  # seconds after which the server is asked whether it is there
WAITING = 5000  # lines that nobody has read yet; more end the connection
LINE = 16 * 1024  # bytes: tags may be long
REFUSED = {"401", "403", "404", "405", "407", "411", "412", "413", "415", "442", "447", "477", "482", "489", "531"}
NOT_JOINED = {"403", "405", "437", "471", "473", "474", "475", "476", "477", "489", "520"}
NICK_TAKEN = {"433", "436", "437"}
WRONG_PASSWORD = {"464", "904", "905", "902"}
TAGS = "message-tags", "server-time"


class Connection:
    def __init__(self, config: IrcConfig) -> None:
        self._config = config
        self.nick = config.nick
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: asyncio.Queue[Line | None] = asyncio.Queue(WAITING)
        self._pongs: dict[str, asyncio.Future[None]] = {}
        self._refusal: ConnectorError | None = None
        self._saying = asyncio.Lock()
        self._listening: asyncio.Task[None] | None = None
        self._number = 0
        self._is_signed_in = False

    @property
    def is_open(self) -> bool:
        return self._listening is not None and not self._listening.done()

    async def open(self) -> None:
        """Connect, sign in, and be there; joining is told as lines."""
        try:
            async with asyncio.timeout(_patience()):
                await self._connect()
                await self._register()
        except TimeoutError:
            raise Transient("The server did not answer in time.") from None
        except (OSError, ValueError):
            raise Transient("The connection to the server broke.") from None
        self._listening = asyncio.create_task(self._listen())
        if self._config.channels:
            await self._write(f"JOIN {self._config.channels}")

    async def lines(self) -> AsyncGenerator[Line]:
        """What comes, until the connection ends."""
        while (line := await self._waiting.get()) is not None:
            yield line

    async def say(self, target: str, texts: Iterable[str]) -> None:
        """Each text as a line of its own. Raises Ambiguous when nobody can tell whether the server took them."""
        async with self._saying:
            if not self.is_open:
                raise Transient("The connection to the server broke.")
            self._number += 1
            self._refusal, token = None, f"parley-{self._number}"
            pong = self._pongs[token] = asyncio.get_running_loop().create_future()
            try:
                await self._write(*(f"PRIVMSG {target} :{text}" for text in texts), f"PING :{token}")
                async with asyncio.timeout(_patience()):
                    await pong
            except OSError:
                raise Ambiguous("The server did not say whether it took the message.") from None
            finally:
                self._pongs.pop(token, None)
            if self._refusal is not None:
                raise self._refusal

    async def aclose(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                async with asyncio.timeout(1):
                    await self._writer.wait_closed()

    async def _connect(self) -> None:
        host, port = self._config.host, self._config.port
        await http.check(host, port, name="The server")
        address = (await http.resolve(host, port))[0]
        tls = httpx.create_ssl_context(trust_env=False) if self._config.tls else None
        name = host if tls else None
        self._reader, self._writer = await asyncio.open_connection(address, port, ssl=tls, server_hostname=name, limit=LINE)

    async def _register(self) -> None:
        """https://modern.ircdocs.horse/#connection-registration"""
        config = self._config
        if config.password and not config.account:
            await self._write(f"PASS :{config.password.get_secret_value()}")
        await self._write("CAP LS 302", f"NICK {self.nick}", f"USER {config.nick} 0 * :{config.nick}")
        offered: set[str] = set()
        while True:
            line = await self._next()
            if line.command == "001":
                if config.account and not self._is_signed_in:
                    raise AuthError("The server offers no signing in (SASL).")
                self.nick = line.params[0] if line.params else self.nick
                return
            if line.command == "CAP" and line.params[1:2] == ("LS",):
                offered |= {name.partition("=")[0] for name in line.words.split()}
                if line.params[2] != "*":
                    await self._ask(offered)
            elif line.command in {"CAP", "AUTHENTICATE", "903"}:
                await self._sign_in(line)
            elif line.command in NICK_TAKEN:
                self.nick += "_"
                await self._write(f"NICK {self.nick}")
            else:
                await self._usual(line)

    async def _ask(self, offered: set[str]) -> None:
        wanted = [*(name for name in TAGS if name in offered), *(["sasl"] if self._config.account else [])]
        if self._config.account and "sasl" not in offered:
            raise AuthError("The server offers no signing in (SASL).")
        await self._write(f"CAP REQ :{' '.join(wanted)}" if wanted else "CAP END")

    async def _sign_in(self, line: Line) -> None:
        """SASL PLAIN (https://ircv3.net/specs/extensions/sasl-3.1), before the capabilities are settled."""
        if line.command == "CAP":
            is_possible = line.params[1:2] == ("ACK",) and "sasl" in line.words.split()
            await self._write("AUTHENTICATE PLAIN" if is_possible else "CAP END")
        elif line.command == "AUTHENTICATE" and self._config.password:
            secret = "\0".join(("", self._config.account, self._config.password.get_secret_value()))
            await self._write(f"AUTHENTICATE {base64.b64encode(secret.encode()).decode()}")
        elif line.command == "903":
            self._is_signed_in = True
            await self._write("CAP END")

    async def _usual(self, line: Line) -> None:
        """What may come at any time."""
        if line.command == "PING":
            await self._write(f"PONG :{line.words}")
        elif line.command in WRONG_PASSWORD or (line.command == "ERROR" and "password" in line.words.lower()):  # as ngircd says it
            raise AuthError("The server does not accept the password.")
        elif line.command == "ERROR":
            raise Transient("The server closed the connection.")
        elif line.command in {"432", "465"}:
            raise Permanent("The server does not want this nick." if line.command == "432" else "The server has banned us.")

    async def _next(self) -> Line:
        raw = await self._reader.readline()
        if not raw.endswith(b"\n"):
            raise OSError
        return lines.read(raw) if raw.strip() else Line("")

    async def _write(self, *texts: str) -> None:
        if self._writer is None:
            raise OSError
        self._writer.write(b"".join(text.encode(errors="replace") + b"\r\n" for text in texts))
        await self._writer.drain()

    async def _listen(self) -> None:
        try:
            while True:
                await self._take(await self._heard())
        except (OSError, ValueError, asyncio.QueueFull, ConnectorError):
            pass  # whoever waits is told below, and connects anew
        finally:
            for pong in self._pongs.values():
                if not pong.done():
                    pong.set_exception(OSError())
            while self._waiting.full():
                self._waiting.get_nowait()
            self._waiting.put_nowait(None)

    async def _heard(self) -> Line:
        """The next line; a silent server is asked whether it is there."""
        try:
            async with asyncio.timeout(SILENCE):
                return await self._next()
        except TimeoutError:
            await self._write("PING :there")
        async with asyncio.timeout(SILENCE):
            return await self._next()

    async def _take(self, line: Line) -> None:
        if line.command == "PONG":
            pong = self._pongs.get(line.words)
            if pong is not None and not pong.done():
                pong.set_result(None)
        elif line.command in REFUSED and self._pongs:
            self._refusal = Permanent(f"The server refuses the message ({line.command}: {lines.plain(line.words)[:200]}).")
        elif line.command == "NICK" and line.nick == self.nick:
            self.nick = line.words
        elif line.command in {"PING", "ERROR"}:
            await self._usual(line)
        else:
            self._waiting.put_nowait(line)


def _patience() -> float:
    return http.TIMEOUT.read or 20.0
