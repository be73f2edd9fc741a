"""Platforms that answer as told: those that ship with the conformance suite, and mail servers."""

import asyncio

from connectors.conformance.answers import TOKEN, Answer, breaks_off, hangs, hangs_up, platform, says

__all__ = ["TOKEN", "Answer", "breaks_off", "hangs", "hangs_up", "platform", "says", "smtp"]


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
