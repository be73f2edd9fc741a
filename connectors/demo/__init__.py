"""The demonstration platform: a town that talks to "Möwenbräu & Söhne", and answers back.

It exists twice: here, as a connector like any other, and as a folder of files that is its platform (`town`). What customers say comes from
a script and, after it, from a seeded stream without end; what the team answers is kept in the folder, and customers react to it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, Field

from connectors.demo import customers, script
from connectors.demo.people import person
from connectors.demo.town import Clock, Post, Town
from inbox.contract import (
    Action,
    Ambiguous,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    Event,
    EventKind,
    Permanent,
    PlatformTemplate,
    Receipt,
    Reply,
    Verification,
)

LOOK_SECONDS = 0.25  # how often the town is looked at
SETTLE_SECONDS = 4.0  # how long a customer reads before reacting
TEMPLATED, WINDOW_HOURS = "whatsapp", 24  # the channel that answers a customer for a day, and after that with approved texts only
ACTIONS = {
    ConversationKind.COMMENTS: frozenset(Action) - {Action.APPROVE},
    ConversationKind.DIRECT: frozenset({Action.LIKE}),
    ConversationKind.EMAIL: frozenset[Action](),
    ConversationKind.REVIEW: frozenset({Action.EDIT}),
}


class DemoConfig(BaseModel):
    """Where the town is kept, and which of its channels this is."""

    folder: Path = Field(title="Folder", description="Where the demonstration keeps what was said.")
    place: str = Field(title="Channel", description="One of the demonstration's channels: " + ", ".join(script.PLACES))

    def narrow(self, capabilities: Capabilities) -> Capabilities:
        """Each channel can do what the platform that it plays can do."""
        place = script.PLACES[self.place]
        hours = WINDOW_HOURS if place.slug == TEMPLATED else None
        kinds, once = frozenset({place.kind}), place.kind == ConversationKind.REVIEW
        return replace(capabilities, conversation_kinds=kinds, actions=ACTIONS[place.kind], window_hours=hours, one_reply_only=once)


@dataclass(slots=True)
class Cursor:
    """How far a channel has come: in the script, in the team's replies, and in what was typed in the customer's window."""

    step: int = 0
    replies: int = 0
    typed: int = 0

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, cursor: str | None) -> "Cursor":
        return cls(**json.loads(cursor)) if cursor else cls()


class Demo:
    """One channel of the demonstration community."""

    name: ClassVar[str] = "demo"
    title: ClassVar[str] = "Demonstration"
    Config: ClassVar[type[BaseModel]] = DemoConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.SERVER,
        conversation_kinds=frozenset(ConversationKind),
        max_length=2200,
        edits_in=True,
        deletes_in=True,
        history=True,
        attachments=True,
        actions=frozenset(Action) - {Action.APPROVE},
        consequences={
            Action.HIDE: "Only its author still sees it, and is not told. It can be shown again.",
            Action.SPAM: "It is taken away for everybody, and the town trusts its author less.",
        },
    )

    def __init__(self, config: DemoConfig) -> None:
        self.place = script.PLACES[config.place]
        self.town = Town(config.folder, config.place)
        self.clock = Clock(config.folder)

    async def check(self) -> Author:
        return script.US

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        at = Cursor.load(cursor)
        steps = script.Steps(self.place.slug)
        while True:
            elapsed = self.clock.tick()
            events = [*self._scripted(steps, at, elapsed), *self._reactions(at), *self._typed(at)]
            if events:
                yield Batch(events, at.dump())
            else:
                await asyncio.sleep(LOOK_SECONDS)

    def _scripted(self, steps: script.Steps, at: Cursor, elapsed: float) -> list[Event]:
        """What is due by the script; at most 50 at once, so that a flood arrives as a flood of batches."""
        events: list[Event] = []
        answered: set[str] | None = None
        while len(events) < 50 and (step := steps.at(at.step)).at <= elapsed:
            at.step += 1
            if step.unless_answered and answered is None:
                answered = {post.thread for post in self.town.replies()}
            if not (step.unless_answered and answered and step.thread in answered):
                events.append(script.event_of(step, self.place, now=datetime.now(UTC)))
        return events

    def _reactions(self, at: Cursor) -> list[Event]:
        """How customers take the answers that they have had time to read."""
        events: list[Event] = []
        for post in self.town.replies()[at.replies :]:
            if self.clock.seconds_since(post.at) < SETTLE_SECONDS:
                break
            at.replies += 1
            if post.automatic:
                continue
            text = customers.reaction(post, already=self.town.reactions(post.thread, before=at.replies - 1))
            if text:
                events.append(self._said_back(post, text))
        return events

    def _typed(self, at: Cursor) -> list[Event]:
        """What somebody wrote in the customer's window."""
        new = self.town.typed()[at.typed :]
        at.typed += len(new)
        return [_message(post, self.place) for post in new]

    def _said_back(self, reply: Post, text: str) -> Event:
        began = script.author_of(self.place.slug, reply.thread)
        author = reply.to or (began.id if began else "guest")
        said = Post(id=f"{reply.id}-back", thread=reply.thread, text=text, at=datetime.now(UTC), parent=reply.id, author=author)
        return _message(said, self.place)

    async def send(self, reply: Reply) -> Receipt:
        if not reply.text.strip() and not reply.attachments:
            raise Permanent("An empty reply cannot be sent.")
        post = self.town.deliver(reply)
        if script.TIMES_OUT in reply.thread_id and post.first_of_thread:
            raise Ambiguous("The platform took too long to answer.")
        return Receipt(post.id, post.at)

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Note what is done to a message; the customer's window shows it."""
        self.town.note(action, message_id, text)

    async def templates(self) -> Sequence[PlatformTemplate]:
        """What the town's messenger has approved."""
        return script.APPROVED if self.place.slug == TEMPLATED else ()

    async def aclose(self) -> None:
        return None


def _message(post: Post, place: script.Place) -> Event:
    kind = place.kind
    return Event(
        id=post.id,
        kind=EventKind.MESSAGE,
        message_id=post.id,
        thread_id=post.thread,
        at=post.at,
        author=person(post.author or "guest"),
        text=post.text,
        parent_id=post.parent,
        conversation_kind=kind,
        private=kind != ConversationKind.COMMENTS,
    )
