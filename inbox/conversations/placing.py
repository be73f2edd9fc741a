"""Which conversation each message of a batch belongs to. Pure.

A message whose parent is known, or comes in the same batch, joins its parent's conversation; else its platform thread says which; a
thread that nobody knows begins one. In a group room, what one author says outside of its threads is held together like a thread, until its
conversation is over: what comes then begins another one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from inbox.contract import EventKind
from inbox.conversations.incoming import Incoming
from inbox.conversations.known import Known
from inbox.models import Status

OVER = {Status.RESOLVED, Status.SPAM}  # what an author says in a room afterwards is about something else


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
            if event.id in self.targets and event.thread_id not in known.threads and not event.is_loose:
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
        elif (number := _home(root, known)) is not None:
            placing.targets[event.id] = number
        else:
            placing.targets[event.id] = root.thread_id
            first = placing.founding.setdefault(root.thread_id, root)
            if root.at < first.at:
                placing.founding[root.thread_id] = root
    _join(placing, messages, known)
    return placing


def _join(placing: Placing, messages: dict[str, Incoming], known: Known) -> None:
    """What would begin a thread that another message of the batch takes into an older conversation goes there too."""
    joining: dict[str, int | str] = {}
    for event in messages.values():
        target = placing.targets.get(event.id, event.thread_id)
        if target != event.thread_id and not event.is_loose and event.thread_id not in known.threads:
            joining.setdefault(event.thread_id, target)
    moved: dict[int | str, int | str] = {}
    for name, target in joining.items():
        while target in moved:
            target = moved[target]
        if target != name and placing.founding.pop(name, None) is not None:  # two threads that answer each other stay with the first
            moved[name] = target
            placing.targets.update({event: target for event, place in placing.targets.items() if place == name})


def earliest_first(events: Sequence[Incoming]) -> list[Incoming]:
    """By the platform's time; as they came where that is equal."""
    return sorted(events, key=lambda event: event.at)


def _home(event: Incoming, known: Known) -> int | None:
    """The conversation that the message's thread goes on in."""
    number = known.threads.get(event.thread_id)
    return None if number is not None and event.is_loose and known.places[number].status in OVER else number


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
