"""What Slack keeps: the messages of a conversation and the answers of a thread, oldest first.

https://docs.slack.dev/reference/methods/conversations.history, which lists a page's newest first and answers in threads not at all;
https://docs.slack.dev/reference/methods/conversations.replies.
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from connectors.slack.api import MOST_PAGES, Api, Json
from connectors.slack.shapes import Channel, order

PAGE = 200
OLDER_PAGES = 5  # of what was read before, looked at again for what became of it
KINDS = {"public_channel": "channels", "private_channel": "groups", "im": "im", "mpim": "mpim"}  # and their scopes


@dataclass(frozen=True, slots=True)
class Past:
    """`messages`: oldest first. `is_whole`: nothing after `since` is missing. `low`: what is not here from there on is not there."""

    messages: Sequence[Json]
    is_whole: bool
    low: str


async def channels(api: Api) -> list[Channel]:
    """The conversations that the app is in and may read (https://docs.slack.dev/reference/methods/users.conversations)."""
    scopes = api.scopes
    types = [kind for kind, scope in KINDS.items() if not scopes or {f"{scope}:read", f"{scope}:history"} <= scopes]
    found: list[Channel] = []
    if not types:
        return found
    given = {"types": ",".join(types), "exclude_archived": True, "limit": PAGE}
    async with aclosing(api.pages("users.conversations", "channels", given)) as pages:
        async for page in pages:
            found += [Channel.model_validate(entry) for entry in page if isinstance(entry.get("id"), str)]
    return found


async def messages(api: Api, channel: str, since: str, again_from: str) -> Past:
    """Everything after `since`, and some of what came before it, back to `again_from`."""
    found: list[Json] = []
    low, older, number = again_from, 0, 0
    given = {"channel": channel, "oldest": again_from, "limit": PAGE, "include_all_metadata": True}
    async with aclosing(api.pages("conversations.history", "messages", given)) as pages:
        async for page in pages:
            number += 1
            found += page
            oldest = _stamps(page)[-1] if _stamps(page) else again_from
            if order(oldest) <= order(again_from):
                return Past(_ordered(found, again_from), True, again_from)
            older += order(oldest) <= order(since)
            if older >= OLDER_PAGES or number == MOST_PAGES:
                low = oldest
                break
    return Past(_ordered(found, again_from), number < MOST_PAGES or older > 0, low)


async def latest(api: Api, channel: str, number: int) -> Past:
    """As many as that of the latest; one at least, to know where to go on."""
    given = {"channel": channel, "limit": min(PAGE, max(1, number)), "include_all_metadata": True}
    found: list[Json] = []
    async with aclosing(api.pages("conversations.history", "messages", given)) as pages:
        async for page in pages:
            found += page
            if len(found) >= number:
                break
    ordered = _ordered(found, "0")[-max(1, number) :]
    return Past(ordered, True, str(ordered[0]["ts"]) if ordered else "0")


async def replies(api: Api, channel: str, thread: str, since: str) -> list[Json]:
    """The answers of a thread after `since`."""
    given: Mapping[str, Any] = {"channel": channel, "ts": thread, "oldest": since, "limit": PAGE, "include_all_metadata": True}
    found: list[Json] = []
    async with aclosing(api.pages("conversations.replies", "messages", given)) as pages:
        async for page in pages:
            found += [entry for entry in page if entry.get("ts") != thread]  # its beginning comes along always
    return _ordered(found, since)


def stamp(entry: Json, name: str = "ts") -> str:
    """A time stamp of a message that nobody has checked yet; "" where there is none."""
    value = entry.get(name)
    try:
        order(value if isinstance(value, str) else "-")
    except ValueError:
        return ""
    return str(value)


def _stamps(page: Sequence[Json]) -> list[str]:
    return sorted((found for entry in page if (found := stamp(entry))), key=order, reverse=True)


def _ordered(found: Sequence[Json], since: str) -> list[Json]:
    """Oldest first; what has no time is kept at the beginning, to be rejected where it can be seen."""
    later = [entry for entry in found if not stamp(entry) or order(stamp(entry)) > order(since)]
    return sorted(later, key=lambda entry: order(stamp(entry) or "0"))
