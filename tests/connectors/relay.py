"""What the adapters of polled platforms share: the first look of a stream, and answers by what is asked."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

from connectors import http
from inbox.contract import Batch, Connector
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.served import Fake, serving


def says_json(content: Any) -> Answer:
    return answers.says(200, json.dumps(content).encode())


def routed(answers_to: Mapping[bytes, Answer]) -> Answer:
    """Answers by what the request's head has in it; what is named last is looked for first."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        again = asyncio.StreamReader()
        again.feed_data(head)
        found = next((to for part, to in reversed(list(answers_to.items())) if part in head.splitlines()[0]), answers.says(404))
        await found(again, writer)

    return answer


async def first_batches(fake: Fake, connect: Callable[[str], Connector]) -> Batch:
    """Everything that the first look of a new account brings."""
    http.allow(["127.0.0.0/8"])
    async with serving(fake) as address:
        connector = connect(address)
        async with aclosing(connector.stream(None)) as batches:  # pyright: ignore[reportArgumentType]  # it is a generator
            batch = await anext(batches)
        await connector.aclose()
    return batch
