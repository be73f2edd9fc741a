"""A platform on a stage: a connector whose stream and sends do what a test tells them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel, SecretStr

from inbox.contract import Author, Batch, Capabilities, ConversationKind, Event, EventKind, Length, Receipt, Reply, Standing


def message(number: int, **more: Any) -> Event:
    """Something that Anna says, a second after the one before."""
    at = datetime(2026, 3, 2, 8, tzinfo=UTC) + timedelta(seconds=number)
    values = {"text": f"Hello {number}", "author": Author("anna", "Anna"), **more}
    return Event(id=f"e{number}", kind=EventKind.MESSAGE, message_id=f"m{number}", thread_id="t1", at=at, **values)


@dataclass
class Script:
    """What the platform has and does; steps are batches to yield, or errors to raise, and what was acknowledged is noted."""

    steps: list[Batch | Exception] = field(default_factory=list)
    check: Exception | None = None
    cursors: list[str | None] = field(default_factory=list)
    acknowledged: list[str | None] = field(default_factory=list)
    sent: list[Reply] = field(default_factory=list)
    send: Callable[[Reply], Any] | None = None
    standing: Standing = field(default_factory=Standing)
    hangs_on_close: bool = False
    opened: int = 0
    closed: int = 0


scripts: dict[str, Script] = {}


class StageConfig(BaseModel):
    script: str
    password: SecretStr = SecretStr("")
    needed: int = 1


class Stage:
    """The connector; its script is found by the name in its settings."""

    name: ClassVar[str] = "stage"
    title: ClassVar[str] = "Stage"
    Config: ClassVar[type[BaseModel]] = StageConfig
    capabilities: ClassVar[Capabilities] = Capabilities(max_length=100, other_lengths={ConversationKind.COMMENTS: Length(10)})

    def __init__(self, config: StageConfig) -> None:
        self.script = scripts[config.script]
        self.script.opened += 1

    async def check(self) -> Author:
        if self.script.check is not None:
            raise self.script.check
        return Author(id="us", name="Us", is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        self.script.cursors.append(cursor)
        while self.script.steps:
            step = self.script.steps.pop(0)
            if isinstance(step, Exception):
                raise step
            yield step
            self.script.acknowledged.append(step.cursor)
        await asyncio.Event().wait()

    @property
    def standing(self) -> Standing:
        return self.script.standing

    async def send(self, reply: Reply) -> Receipt:
        self.script.sent.append(reply)
        if self.script.send is not None:
            outcome = self.script.send(reply)
            if asyncio.iscoroutine(outcome):
                outcome = await outcome
            if isinstance(outcome, Exception):
                raise outcome
        return Receipt(f"sent-{len(self.script.sent)}-{reply.key}", datetime.now(UTC))

    async def aclose(self) -> None:
        if self.script.hangs_on_close:
            await asyncio.Event().wait()
        self.script.closed += 1
