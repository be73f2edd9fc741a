"""What the chat service tells, as far as it matters here.

https://github.com/bluesky-social/atproto/blob/main/lexicons/chat/bsky/convo/defs.json
"""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, ValidationError

from connectors.bluesky.shapes import Account, Entries, Json, Object, Shape, Words, as_dict, as_list, as_text

Name = Annotated[str, Field(pattern=r"^[^/\s]{1,256}$")]


class Person(Shape):
    did: str


class Message(Shape):
    """#messageView"""

    id: Name
    rev: Words = ""
    text: Words = ""
    facets: Entries = Field(default_factory=list[Any])
    embed: Object = Field(default_factory=Json)
    reactions: Entries = Field(default_factory=list[Any])
    reply_to: Object = Field(default_factory=Json)
    sender: Person
    sent_at: AwareDatetime


class Deleted(Shape):
    """#deletedMessageView, or what a message was before."""

    id: Name


class Reaction(Shape):
    """#reactionView"""

    value: Annotated[str, Field(min_length=1, max_length=64)]
    sender: Person
    created_at: AwareDatetime


class Entry(Shape):
    """One line of the log: #logCreateMessage and its like."""

    rev: Name
    convo_id: Name
    message: Object = Field(default_factory=Json)
    reaction: Object = Field(default_factory=Json)


def people(told: Iterable[object]) -> dict[str, Account]:
    """Profiles by account; one that cannot be read is done without."""
    found: dict[str, Account] = {}
    for one in told:
        try:
            account = Account.model_validate(one)
        except ValidationError:
            continue
        found[account.did] = account
    return found


def kind(told: Json) -> str:
    """The last word of what something says that it is: "logCreateMessage"."""
    return as_text(told.get("$type")).rpartition("#")[2]


def is_group(convo: Json) -> bool:
    """#convoView: whether more than two talk there; older services do not name the kind."""
    named = kind(as_dict(convo.get("kind")))
    return named == "groupConvo" or (not named and len(as_list(convo.get("members"))) > 2)
