"""Lines of the chat's log as events. Pure."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from pydantic import ValidationError

from connectors.bluesky import ids, richtext
from connectors.bluesky import parse as public
from connectors.bluesky.direct import names
from connectors.bluesky.direct.shapes import Deleted, Entry, Message, Reaction, kind
from connectors.bluesky.parse import Passed
from connectors.bluesky.shapes import Account, Json, as_dict, as_list, as_text
from inbox.contract import Author, ConversationKind, Event, EventKind

KIND = "chat.bsky.convo.defs#"
MESSAGE, DELETION = "logCreateMessage", "logDeleteMessage"
REACTIONS = {"logAddReaction", "logRemoveReaction"}
LONGEST_KIND = 60  # characters of a kind that is not known
People = Mapping[str, Account]


def read(told: Json) -> tuple[str, Entry]:
    """The kind of a line and what it says, if it means anything here."""
    name = kind(told)
    if name not in {MESSAGE, DELETION, *REACTIONS}:
        raise Passed(f"a chat event of the kind {name[:LONGEST_KIND] or '?'}")
    return name, Entry.model_validate(told)


def event(name: str, entry: Entry, people: People, me: str, now: datetime) -> Event:
    """What a line of the log tells."""
    if name == DELETION:
        message = names.join(entry.convo_id, Deleted.model_validate(entry.message).id)
        return Event(f"delete:{message}", EventKind.DELETE, message, names.thread(entry.convo_id), now)
    if kind(entry.message) == "deletedMessageView":
        raise Passed("a private message that is deleted")
    if name == MESSAGE:
        return message_event(entry, people, me)
    told = Message.model_validate(entry.message)
    reaction = Reaction.model_validate(entry.reaction)
    if name == "logAddReaction":
        return reaction_event(entry.convo_id, told, reaction, people, me)
    left = [one for one in reactions(told) if one.sender.did == reaction.sender.did]
    taken = reaction_event(entry.convo_id, told, reaction, people, me)
    return _replaced(taken, f"reaction:{taken.message_id}:{entry.rev}", left[-1].value if left else "", now)


def message_event(entry: Entry, people: People, me: str) -> Event:
    """#messageView as a message."""
    told = Message.model_validate(entry.message)
    name = names.join(entry.convo_id, told.id)
    words, shown = richtext.read(told.text, told.facets), _embedded(told.embed)
    above = as_text(told.reply_to.get("messageId")) or as_text(told.reply_to.get("id"))
    return Event(
        id=f"message:{name}",
        kind=EventKind.MESSAGE,
        message_id=name,
        thread_id=names.thread(entry.convo_id),
        at=told.sent_at,
        author=author(told.sender.did, people, me),
        text="\n\n".join(part for part in (words.text, shown) if part),
        html=None if shown else words.html,  # where it says all that the text says
        parent_id=names.join(entry.convo_id, above) if above else None,
        conversation_kind=ConversationKind.DIRECT,
        private=True,
        mentions=words.mentions,
        raw={"$type": f"{KIND}{MESSAGE}", **entry.model_dump(by_alias=True)},
    )


def reaction_event(convo: str, about: Message, told: Reaction, people: People, me: str) -> Event:
    """A reaction; the same one has the same id wherever it is told."""
    name = names.join(convo, about.id)
    return Event(
        id=f"reaction:{name}:{told.sender.did}:{told.value}:{told.created_at.isoformat()}",
        kind=EventKind.REACTION,
        message_id=name,
        thread_id=names.thread(convo),
        at=told.created_at,
        author=author(told.sender.did, people, me),
        text=told.value,
        conversation_kind=ConversationKind.DIRECT,
        private=True,
    )


def reactions(told: Message) -> Iterator[Reaction]:
    """The reactions that a message has now, in their order."""
    for one in told.reactions:
        try:
            yield Reaction.model_validate(one)
        except ValidationError:
            continue


def author(did: str, people: People, me: str) -> Author:
    return public.author(people.get(did) or Account(did=did), me)


def _replaced(taken: Event, name: str, text: str, now: datetime) -> Event:
    """A reaction that was taken back: what is left of that person's, or nothing."""
    return Event(
        name,
        EventKind.REACTION,
        taken.message_id,
        taken.thread_id,
        now,
        author=taken.author,
        text=text,
        conversation_kind=ConversationKind.DIRECT,
        private=True,
    )


def _embedded(embed: Json) -> str:
    """The post that a message carries (app.bsky.embed.record#view): who said what, and where; only where for what cannot be shown."""
    shown = as_dict(embed.get("record"))
    uri = as_text(shown.get("uri"))
    address = ids.link(uri) or uri
    value = as_dict(shown.get("value"))
    handle = as_text(as_dict(shown.get("author")).get("handle"))
    words = richtext.read(as_text(value.get("text")), as_list(value.get("facets"))).text
    said = f"@{handle}: {words}" if handle and words else words
    return "\n".join(part for part in (said, address) if part)


def now() -> datetime:
    return datetime.now(UTC)
