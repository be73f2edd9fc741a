"""A mail server that keeps what it is given, and fails when told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import cast


@dataclass
class Letterbox:
    """`refusal` is the answer to a recipient instead of 250; `hangs_up` cuts the line after the last byte of a mail."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    refusal: str = ""
    hangs_up: bool = False

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 letterbox")
        while line := (await reader.readline()).decode().strip():
            command = line.split(" ")[0].upper()
            if command == "DATA":
                say("354 go on")
                content = await reader.readuntil(b"\r\n.\r\n")
                self.letters.append(cast(EmailMessage, message_from_bytes(content[:-5], policy=default)))
                if self.hangs_up:
                    break
            say(self.refusal if command == "RCPT" and self.refusal else "221 bye" if command == "QUIT" else "250 ok")
            if command == "QUIT":
                break
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def letterbox() -> AsyncIterator[Letterbox]:
    box = Letterbox()
    server = await asyncio.start_server(box.serve, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    async with server:
        yield box
