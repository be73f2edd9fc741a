"""A real IRC server for tests: Debian's ngircd, on this machine only, without root's rights.

async with server.person("anna") as anna:     somebody with a plain client
    await anna.say("#bread", "Hello")
    await anna.hears("At nine.")               the line that ends so
server.stop(), .start()                       as when the server's machine restarts
"""

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PLACES = "/usr/sbin:/usr/bin:/bin"
PASSWORD = "hunter2-for-irc"
CONFIG = """[Global]
Name = irc.test.example
Info = A server for tests
Listen = 127.0.0.1
Ports = %(port)d
MotdPhrase = Hello
Password = %(password)s
ServerUID = %(user)s
ServerGID = %(group)s
[Limits]
MaxConnectionsIP = 0
MaxPenaltyTime = 0
MaxJoins = 0
[Options]
DNS = no
Ident = no
PAM = no
"""


@dataclass
class Person:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def write(self, *lines: str) -> None:
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self.writer.drain()

    async def say(self, target: str, *texts: str) -> None:
        await self.write(*(f"PRIVMSG {target} :{text}" for text in texts))

    async def hears(self, end: str) -> str:
        """The next line that ends so; the server's pings are answered meanwhile."""
        async with asyncio.timeout(20):
            while True:
                line = (await self.reader.readline()).decode(errors="replace").rstrip("\r\n")
                assert line, "the connection ended"
                if line.startswith("PING"):
                    await self.write(line.replace("PING", "PONG", 1))
                elif line.endswith(end):
                    return line


@dataclass
class Ngircd:
    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        user = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        values = {"port": self.port, "password": PASSWORD, "user": user.pw_uid, "group": user.pw_gid}
        (self.home / "ngircd.conf").write_text(CONFIG % values)
        program = shutil.which("ngircd", path=PLACES)
        assert program is not None
        command = [program, "--nodaemon", "--config", str(self.home / "ngircd.conf")]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("ngircd did not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    @asynccontextmanager
    async def person(self, nick: str, *channels: str) -> AsyncIterator[Person]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        person = Person(reader, writer)
        await person.write(f"PASS {PASSWORD}", f"NICK {nick}", f"USER {nick} 0 * :{nick}")
        await person.hears("End of MOTD command")
        for channel in channels:
            await person.write(f"JOIN {channel}")
            await person.hears("End of NAMES list")
        try:
            yield person
        finally:
            writer.close()
            await writer.wait_closed()


@pytest.fixture(scope="session")
def ngircd() -> Iterator[Ngircd]:
    if shutil.which("ngircd", path=PLACES) is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("ngircd is not installed.")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="parley-ngircd-") as folder:
        Path(folder).chmod(0o755)
        server = Ngircd(Path(folder), port)
        server.start()
        try:
            yield server
        finally:
            server.stop()
