"""What a batch names, so that what the database knows of it is found in one round trip (`known`)."""

from collections.abc import Sequence
from dataclasses import dataclass

from inbox.columns import Texts
from inbox.contract import EventKind
from inbox.conversations.incoming import Incoming, Person


@dataclass(slots=True)
class Names:
    """What to look for, each in order, since some are locked. `related`: the messages, and those that they answer."""

    messages: Texts
    related: Texts
    keys: Texts
    threads: Texts
    people: dict[str, Person]
    posts: Texts
    is_own: bool  # something of ours is among it
    are_plain: bool  # only messages of others that answer none: nothing of what was said before has to be read

    @classmethod
    def of(cls, events: Sequence[Incoming]) -> "Names":
        messages = {event.message_id for event in events if event.message_id}
        parents = {event.parent_id for event in events if event.parent_id}
        keys = {event.client_key for event in events if event.client_key}
        people = {event.person.external_id: event.person for event in events if event.person}
        is_own = any(person.is_self for person in people.values())
        return cls(
            Texts(sorted(messages)),
            Texts(sorted(messages | parents)),
            Texts(sorted(keys)),
            Texts(sorted({event.thread_id for event in events})),
            people,
            Texts(sorted({event.post.id for event in events if event.post})),
            is_own,
            not (parents or keys or is_own) and all(event.kind is EventKind.MESSAGE for event in events),
        )
