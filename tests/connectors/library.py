"""A platform that lists and counts: a shelf for each channel, with what stands under each post."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

import connectors
from inbox.contract import Author, Batch, Capabilities, ConversationKind, Event, EventKind, Post, Receipt, Reply, Standing
from tests.make import MONDAY


def comment(number: int, post: str = "p1", *, at: datetime | None = None, **more: Any) -> Event:
    values = {"text": f"Is it open? {number}", "author": Author(f"a{number}", f"Author {number}"), **more}
    return Event(
        id=f"e{number}",
        kind=EventKind.MESSAGE,
        message_id=f"m{number}",
        thread_id=f"m{number}",
        at=at or MONDAY - timedelta(hours=10) + timedelta(minutes=number),
        post=Post(post, title=f"Post {post}"),
        conversation_kind=ConversationKind.COMMENTS,
        **values,
    )


@dataclass
class Shelf:
    """What the platform has, by post: batches, or what goes wrong instead; and what it was asked for."""

    posts: dict[str, list[Batch | Exception]] = field(default_factory=dict[str, "list[Batch | Exception]"])
    counts: dict[str, int] = field(default_factory=dict[str, int])
    standing: Standing = field(default_factory=Standing)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list[str])
    hangs: bool = False


shelves: dict[str, Shelf] = {}


class LibraryConfig(BaseModel):
    shelf: str


class Library:
    """A platform that lists and counts."""

    name: ClassVar[str] = "library"
    title: ClassVar[str] = "Library"
    Config: ClassVar[type[BaseModel]] = LibraryConfig
    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init__(self, config: LibraryConfig) -> None:
        self.shelf = shelves[config.shelf]

    async def check(self) -> Author:
        return Author("us", "Us", is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        await asyncio.Event().wait()
        yield Batch(cursor=cursor)

    async def send(self, reply: Reply) -> Receipt:
        raise NotImplementedError

    async def listed(self, post_id: str) -> AsyncIterator[Batch]:
        self.shelf.asked.append(post_id)
        self.shelf.begun.set()
        steps = self.shelf.posts.get(post_id, [])
        for step in list(steps):
            if isinstance(step, Exception):
                steps.remove(step)
                raise step
            yield step
        if self.shelf.hangs:
            await asyncio.Event().wait()

    async def counts(self, post_id: str) -> int:
        return self.shelf.counts.get(post_id, sum(len(step.events) for step in self.shelf.posts[post_id] if isinstance(step, Batch)))

    @property
    def standing(self) -> Standing:
        return self.shelf.standing

    async def aclose(self) -> None: ...


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(connectors.BUILT_IN, "library", "tests.connectors.library:Library")
    for cached in (connectors.find, connectors.addresses):
        cached.cache_clear()
    yield
    for cached in (connectors.find, connectors.addresses):
        cached.cache_clear()
