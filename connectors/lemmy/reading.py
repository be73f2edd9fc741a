"""The account's lists as a stream of batches: answers, mentions, private messages, our own comments, and a community's posts and comments.

Each list is read backwards, page by page, to the last entry that was read; its first page is compared with what was known.
"""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import ValidationError

from connectors.lemmy import parse
from connectors.lemmy.place import Place
from connectors.lemmy.server import Json, Server
from connectors.lemmy.shapes import Person, Private, View
from inbox.contract import Batch, Event, Rejected, Transient

LIMIT = 50  # entries of a page, which is all that the server gives at once
MOST_PAGES = 200


@dataclass(frozen=True, slots=True)
class Listing:
    """Where a list is, under which key its entries are, and which part of each counts them."""

    path: str
    key: str
    counted: str
    params: dict[str, str | int] = field(default_factory=dict[str, "str | int"])


ANSWERS = Listing("user/replies", "replies", "comment_reply", {"sort": "New", "unread_only": "false"})
MENTIONS = Listing("user/mention", "mentions", "person_mention", {"sort": "New", "unread_only": "false"})
PRIVATE = Listing("private_message/list", "private_messages", "private_message", {"unread_only": "false"})


def listings(me: Person, community: str) -> list[Listing]:
    """All that is read. A post comes before what is said about it."""
    found: list[Listing] = []
    if community:
        asked: dict[str, str | int] = {"community_name": community, "sort": "New", "type_": "All"}
        found += [Listing("post/list", "posts", "post", asked), Listing("comment/list", "comments", "comment", asked)]
    return [*found, ANSWERS, MENTIONS, Listing("user", "comments", "comment", {"person_id": me.id, "sort": "New"}), PRIVATE]


class Reader:
    """One stream of an account."""

    def __init__(self, server: Server, me: Person, place: Place, history: int, community: str, community_id: int | None) -> None:
        self._server, self._me, self._place, self._history = server, me, place, history
        self._community = community_id
        self._listings = listings(me, community)

    async def look(self) -> AsyncGenerator[Batch]:
        """Everything that is new, oldest first; then what has changed."""
        for listing in self._listings:
            name = f"{listing.path}:{listing.key}"
            last = self._place.last.get(name)
            entries = await self._latest(listing, last)
            numbers = sorted(number for number in entries if last is None or number > last)
            if last is None:
                numbers = numbers[len(numbers) - min(self._history, len(numbers)) :]
            known = [entries[number] for number in sorted(entries) if number not in set(numbers)] if last is not None else []
            events, rejected = self._new([entries[number] for number in numbers])
            self._place.last[name] = max(entries, default=last or 0)
            events += self._changed(known)
            if events or rejected or last is None:
                yield Batch(events, cursor=str(self._place), rejected=rejected)

    async def _latest(self, listing: Listing, last: int | None) -> dict[int, Json]:
        found: dict[int, Json] = {}
        for page in range(1, MOST_PAGES + 1):
            told: Any = (await self._server.get(listing.path, {**listing.params, "page": page, "limit": LIMIT})).get(listing.key)
            if not isinstance(told, list):
                raise Transient("The server answered with something that is not what was agreed.")
            shown = cast("list[Json]", told)
            entries = {number: entry for entry in shown if (number := _number(entry, listing.counted)) is not None}
            is_end = len(shown) < LIMIT or not entries.keys() - found.keys() or min(entries) <= (last or 0)
            found |= entries
            if last is None or is_end:
                break
        return found

    def _new(self, entries: list[Json]) -> tuple[list[Event], list[Rejected]]:
        events: list[Event] = []
        rejected: list[Rejected] = []
        for entry in entries:
            try:
                view = view_of(entry)
            except ValidationError as error:
                rejected.append(Rejected(json.dumps(entry).encode(), reason(error)))
                continue
            if parse.name(view) in self._place.watched:  # another list has brought it
                continue
            events.append(parse.message(view, self._me, self._community))
            events += parse.changes(view, self._me, self._community, parse.state(view).partition("|")[0] + "|", datetime.now(UTC))
            self._place.watch(parse.name(view), parse.state(view))
        return events, rejected

    def _changed(self, entries: list[Json]) -> list[Event]:
        events: list[Event] = []
        for entry in entries:
            try:
                view = view_of(entry)
            except ValidationError:  # it was readable when it came, and comes again
                continue
            before = self._place.watched.get(parse.name(view))
            if before is not None and before != parse.state(view):
                events += parse.changes(view, self._me, self._community, before, datetime.now(UTC))
                self._place.watched[parse.name(view)] = parse.state(view)
        return events


def view_of(entry: Json) -> View | Private:
    return Private.model_validate(entry) if "private_message" in entry else View.model_validate(entry)


def reason(error: ValidationError) -> str:
    """What is wrong, without what was given."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _number(entry: Any, counted: str) -> int | None:
    try:
        number = entry[counted]["id"]
    except (TypeError, KeyError):
        return None
    return number if isinstance(number, int) else None
