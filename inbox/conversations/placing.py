"""Which conversation each message of a batch belongs to. Pure.

A message whose parent is known, or comes in the same batch, joins its parent's conversation; else its platform thread says which; a
thread that nobody knows begins one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from inbox.contract import EventKind
from inbox.conversations.incoming import Incoming
from inbox.conversations.known import Known


@dataclass(slots=True)
class Placing:
    """Where the messages go: the id of a conversation, or the name of the thread that becomes one."""

    targets: dict[str, int | str] = field(default_factory=dict[str, "int | str"])  # by event id
    founding: dict[str, Incoming] = field(default_factory=dict[str, Incoming])  # by thread: its earliest message in the batch

    def conversation(self, event: Incoming, known: Known) -> int:
        """The conversation's id, once threads that begin one are settled."""
        target = self.targets[event.id]
        return target if isinstance(target, int) else known.threads[target]

    def joining(self, known: Known) -> dict[str, int]:
        """Threads that nobody knows and whose messages went to another thread's conversation: they flow into it from now on."""
        joining: dict[str, int] = {}
        for event in known.fresh:
            if event.id in self.targets and event.thread_id not in known.threads:
                joining.setdefault(event.thread_id, self.conversation(event, known))
        return joining


def place(known: Known, echoes: Collection[str]) -> Placing:
    """Decide for every message of the batch that is not known or an echo (by event id), in whatever order they come."""
    placing = Placing()
    messages = {event.message_id: event for event in known.fresh if event.kind is EventKind.MESSAGE}
    for event in messages.values():
        if event.message_id in known.messages or event.id in echoes:
            continue
        root = event if event.parent_id is None else _root(event, messages, known)
        parent = known.messages.get(root.parent_id) if root.parent_id else None
        if parent is not None:
            placing.targets[event.id] = parent.conversation_id
        elif root.thread_id in known.threads:
            placing.targets[event.id] = known.threads[root.thread_id]
        else:
            placing.targets[event.id] = root.thread_id
            first = placing.founding.setdefault(root.thread_id, root)
            if root.at < first.at:
                placing.founding[root.thread_id] = root
    return placing


def earliest_first(events: Sequence[Incoming]) -> list[Incoming]:
    """By the platform's time; as they came where that is equal."""
    return sorted(events, key=lambda event: event.at)


def _root(event: Incoming, messages: dict[str, Incoming], known: Known) -> Incoming:
    """Go up the answers within the batch, no further than what is known; a circle ends where it closes."""
    seen = {event.message_id}
    while event.parent_id and event.parent_id not in known.messages:
        parent = messages.get(event.parent_id)
        if parent is None or parent.message_id in seen:
            break
        seen.add(parent.message_id)
        event = parent
    return event
