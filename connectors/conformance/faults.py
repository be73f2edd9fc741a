"""The ways in which any platform fails: drawn here, for every connector that speaks HTTP, so that none can leave one out."""

import asyncio
from dataclasses import dataclass

from connectors.conformance import Adapter
from connectors.conformance.answers import Answer, breaks_off, hangs_up, says
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, RateLimited, Transient


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer in the place of the platform's, and what may be made of it."""

    name: str
    answer: Answer
    expected: tuple[type[ConnectorError], ...]


FAULTS = (
    Fault("401", says(401), (AuthError, Permanent)),
    Fault("403", says(403), (AuthError, Permanent)),
    Fault("404", says(404), (Permanent, AuthError)),  # some keep the token in the address
    Fault("422", says(422), (Permanent,)),
    Fault("429", says(429, b"{}", "retry-after: 1"), (RateLimited,)),
    Fault("500", says(500), (Ambiguous, Transient)),
    Fault("503", says(503), (Transient, Ambiguous)),
    Fault("200 with a page of HTML", says(200, b"<html>welcome</html>"), (Ambiguous,)),
    Fault("a connection that is closed without a word", hangs_up, (Ambiguous,)),
    Fault("an answer that breaks off", breaks_off, (Ambiguous,)),
)


def instead(adapter: Adapter, fault: Fault) -> Answer:
    """The platform as it is when it takes a reply, but for the reply itself: that fails. Questions before it are answered well."""
    accepts = adapter.accepts()
    assert accepts is not None, "nobody is asked"  # noqa: S101  # this is a test
    prelude: tuple[str, ...] = getattr(adapter, "prelude", ())

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0].decode(errors="replace")
        again = asyncio.StreamReader()
        again.feed_data(head)
        length = next((line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b"0")
        again.feed_data(await reader.readexactly(int(length)))
        is_before = method in (b"GET", b"HEAD") or path.endswith(prelude)
        await (accepts if is_before else fault.answer)(again, writer)

    return answer


def whatever(fault: Fault) -> Answer:
    """A platform that fails whatever it is asked."""
    return fault.answer
