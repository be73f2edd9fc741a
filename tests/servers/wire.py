"""A connection with a fault in it, between a client and a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Fault:
    """What goes wrong. `port` is where to connect instead of the server."""

    port: int = 0
    flowing: asyncio.Event = field(default_factory=asyncio.Event)  # cleared: nothing passes any more, and nobody is told
    answering: asyncio.Event = field(default_factory=asyncio.Event)  # cleared: the server hears everything, and nobody hears the server
    cut_after: bytes = b""  # pass this on to the server, then cut: its answer never arrives
    cut_instead_of: bytes = b""  # cut before this is passed on
    seen: bytearray = field(default_factory=bytearray)  # what the client sent
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


@asynccontextmanager
async def faulty(target: int) -> AsyncIterator[Fault]:
    """A door to the server on that port; its fault can be changed while connections run."""
    fault = Fault()
    fault.flowing.set()
    fault.answering.set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", target)
        both = [asyncio.create_task(_upstream(reader, there_writer, fault)), asyncio.create_task(_downstream(there_reader, writer, fault))]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            writer.transport.abort()
            try:
                if fault.cut_after:
                    await asyncio.sleep(0.5)  # the server gets its time to take the mail
            finally:
                there_writer.transport.abort()
            await asyncio.gather(*both, return_exceptions=True)

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault.tasks.add(asyncio.create_task(connected(reader, writer)))

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    fault.port = server.sockets[0].getsockname()[1]
    try:
        yield fault
    finally:
        server.close()
        for task in fault.tasks:
            task.cancel()
        await asyncio.gather(*fault.tasks, return_exceptions=True)


async def _upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault) -> None:
    recent = b""
    while data := await reader.read(65536):
        await fault.flowing.wait()
        fault.seen += data
        recent = (recent + data)[-70_000:]
        if fault.cut_instead_of and fault.cut_instead_of in recent:
            return
        writer.write(data)
        await writer.drain()
        if fault.cut_after and fault.cut_after in recent:
            return


async def _downstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault) -> None:
    while data := await reader.read(65536):
        await fault.flowing.wait()
        await fault.answering.wait()
        writer.write(data)
        await writer.drain()
