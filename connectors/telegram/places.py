"""Where a message stands: chats, topics and business accounts as ids of threads and messages, and back.

Telegram numbers messages within a chat, and the private chats of a business account have the same numbers as the bot's own: so an id is
`CHAT:NUMBER`, with `CONNECTION@` before it in a business account; a thread is `CHAT`, `CHAT/TOPIC` or `CHAT/dmTOPIC`.
"""

from dataclasses import dataclass
from typing import Any

from inbox.contract import Permanent


@dataclass(frozen=True, slots=True)
class Place:
    """A chat, or a part of it. `direct_topic` is one person's chat with the administrators of a channel."""

    chat: str
    business: str = ""
    topic: str = ""
    direct_topic: str = ""

    @property
    def thread_id(self) -> str:
        part = f"/{self.topic}" if self.topic else f"/dm{self.direct_topic}" if self.direct_topic else ""
        return f"{self._chat}{part}"

    def message_id(self, number: int | str) -> str:
        return f"{self._chat}:{number}"

    @property
    def parameters(self) -> dict[str, Any]:
        """What every method wants that sends here (https://core.telegram.org/bots/api#sendmessage)."""
        given: dict[str, Any] = {"chat_id": self.chat}
        if self.business:
            given["business_connection_id"] = self.business
        if self.topic:
            given["message_thread_id"] = int(self.topic)
        if self.direct_topic:
            given["direct_messages_topic_id"] = int(self.direct_topic)
        return given

    @property
    def _chat(self) -> str:
        return f"{self.business}@{self.chat}" if self.business else self.chat


def parse(thread_id: str) -> Place:
    """The place of a thread; a message's id serves too. Raises Permanent when it names none."""
    whole, _, _ = thread_id.partition(":")
    business, _, rest = whole.rpartition("@")
    chat, _, topic = rest.partition("/")
    if not chat:
        raise Permanent("Nobody knows which chat this conversation belongs to.")
    if topic.startswith("dm"):
        return Place(chat, business, direct_topic=_digits(topic[2:]))
    return Place(chat, business, topic=_digits(topic))


def number(message_id: str | None) -> int | None:
    """A message's number within its chat."""
    _, colon, tail = (message_id or "").partition(":")
    return int(tail) if colon and tail.isdecimal() else None


def _digits(topic: str) -> str:
    if topic and not topic.isdecimal():
        raise Permanent("Nobody knows which topic this conversation belongs to.")
    return topic
