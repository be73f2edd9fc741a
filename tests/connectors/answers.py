"""Platforms that answer as told, on a port of this machine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

TOKEN = "hunter2"  # stands in the address, as many platforms want it
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def platform(answer: Answer) -> AsyncIterator[str]:
    """A server on a port of this machine that answers as told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/{TOKEN}"


def says(status: int, body: bytes = b"{}", *headers: str) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", "connection: close", *headers]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return answer


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    await asyncio.sleep(5)


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
    await writer.drain()


def smtp(at: bytes = b"", instead: bytes | None = b"") -> Answer:
    """A mail server that takes every mail; at the command `at` ("." is the mail's end) it says `instead`: nothing at all, or hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while line := await reader.readline():
            command, lines = line.strip().split(b" ")[0].upper(), b"250 OK"
            if command == b"DATA":
                writer.write(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                command = b"."
            elif command == b"EHLO":
                lines = b"250-here\r\n250 AUTH PLAIN"
            elif command == b"AUTH":
                lines = b"235 welcome"
            if command == at:
                if instead is None:
                    return
                if not instead:
                    await asyncio.sleep(5)
                lines = instead
            writer.write(lines + b"\r\n")
            await writer.drain()

    return answer
