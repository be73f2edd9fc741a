"""The site's comments as a stream of batches: one page of the latest tells what is new and what has changed; older ones now and then."""

import json
import time
from collections import Counter
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from pydantic import ValidationError

from connectors.wordpress import pages, parse
from connectors.wordpress.pages import EVERYTHING, MANY
from connectors.wordpress.place import UNREAD, WAITING, Place, known
from connectors.wordpress.shapes import Comment, User
from connectors.wordpress.site import Json, Refusal, Site
from connectors.wordpress.surroundings import Surroundings
from inbox.contract import Batch, Event, Rejected

SWEEP = 300.0  # seconds between two looks at comments older than those of the last page
MOST_ASKED = 50  # comments that one look asks for by name, to be sure that they are gone
GONE = "rest_comment_invalid_id"


class Pieces:
    """What becomes a batch."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.rejected: list[Rejected] = []
        self.passed_over: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self.events or self.rejected or self.passed_over)

    def reject(self, entry: Json, reason: str) -> None:
        self.rejected.append(Rejected(json.dumps(entry).encode(), reason))

    def batch(self, place: Place) -> Batch:
        return Batch(self.events, cursor=str(place), rejected=self.rejected, passed_over=dict(self.passed_over))


class Reader:
    """One stream of a site."""

    def __init__(self, site: Site, me: User, place: Place, history: int) -> None:
        self._site, self._me, self._place, self._history = site, me, place, history
        self._surroundings = Surroundings(site)
        self._swept = time.monotonic()

    async def look(self) -> AsyncGenerator[Batch]:
        """Everything that is new, oldest first; then what has changed."""
        is_first = self._place.is_new
        found = await pages.latest(self._site, self._place.last, self._history if is_first else None)
        numbers = sorted(number for number in found.entries if is_first or self._place.is_news(number))
        if is_first and len(numbers) > self._history:
            self._place.last = numbers[-self._history - 1] if self._history else numbers[-1]
            numbers = numbers[len(numbers) - self._history :]
        seen = {number: entry for number, entry in found.entries.items() if number in self._place.watched}
        for start in range(0, len(numbers), MANY):
            some = [found.entries[number] for number in numbers[start : start + MANY]]
            yield await self._new(some, is_history=is_first)
        if is_first and not numbers:
            self._place.is_new = False
            yield Batch(cursor=str(self._place))
        missing = [number for number in self._place.watched if number >= found.lowest and number not in found.entries]
        changes = Pieces()
        await self._changes(seen, missing, changes)
        for entry in found.unnamed:
            changes.reject(entry, "It has no id.")
        if time.monotonic() - self._swept >= SWEEP:
            await self._sweep(found.lowest, changes)
            self._swept = time.monotonic()
        if changes:
            yield changes.batch(self._place)

    async def _new(self, entries: list[Json], *, is_history: bool) -> Batch:
        pieces = Pieces()
        comments = self._read(entries, pieces)
        await self._surroundings.find(comments)
        now = datetime.now(UTC)
        for comment in comments:
            state = known(comment)
            self._place.watch(int(comment.id), state)
            if is_history and comment.status in parse.UNSEEN and state.status != WAITING:
                pieces.passed_over[f"{comment.status} of before"] += 1
                continue
            thread, post = self._surroundings.root(comment), self._surroundings.post(comment)
            pieces.events.append(parse.message(comment, thread, post, self._me, self._surroundings.roles(comment)))
            hidden = parse.moderation(comment, state, None, now)
            if hidden is not None:
                pieces.events.append(hidden)
        for entry in entries:  # what cannot be read is not tried at each look
            if int(entry["id"]) not in self._place.watched:
                self._place.watch(int(entry["id"]), UNREAD)
        self._place.is_new = False
        return pieces.batch(self._place)

    async def _sweep(self, lowest: int, pieces: Pieces) -> None:
        older = sorted(number for number in self._place.watched if number < lowest)
        for start in range(0, len(older), MANY):
            some = older[start : start + MANY]
            entries, _ = await self._site.list(
                "comments", {**EVERYTHING, "per_page": MANY, "include": ",".join(str(number) for number in some)}
            )
            found = {int(entry["id"]): entry for entry in entries if str(entry.get("id", "")).isdecimal()}
            await self._changes(found, [number for number in some if number not in found], pieces)

    async def _changes(self, found: dict[int, Json], missing: list[int], pieces: Pieces) -> None:
        """Compare comments that are known with what they are now, and make sure of those that are no longer told of."""
        now = datetime.now(UTC)
        changed = [comment for comment in self._read(list(found.values()), Pieces()) if self._has_changed(comment)]
        await self._surroundings.find(changed)
        for comment in changed:
            before = self._place.watched[int(comment.id)]
            state = known(comment, before)
            self._place.watched[int(comment.id)] = state
            if state.digest != before.digest:
                thread, post = self._surroundings.root(comment), self._surroundings.post(comment)
                roles = self._surroundings.roles(comment)
                pieces.events.append(parse.edit(comment, state, now, thread, post, self._me, roles))
            moderated = parse.moderation(comment, state, before, now)
            if moderated is not None:
                pieces.events.append(moderated)
            if state.digest == before.digest and moderated is None:
                pieces.passed_over["an approval"] += 1
        for number in missing[-MOST_ASKED:]:
            if await self._is_gone(number):
                del self._place.watched[number]
                pieces.events.append(parse.deletion(str(number), now))

    def _has_changed(self, comment: Comment) -> bool:
        before = self._place.watched[int(comment.id)]
        return known(comment, before) is not before

    async def _is_gone(self, number: int) -> bool:
        """A list may leave something out for many reasons; only the site's own word counts."""
        try:
            await self._site.get(f"comments/{number}", {"context": "edit"})
        except Refusal as error:
            return error.code == GONE
        return False

    def _read(self, entries: list[Json], pieces: Pieces) -> list[Comment]:
        """Those that can be read; the others are kept with the reason."""
        comments: list[Comment] = []
        for entry in entries:
            try:
                comments.append(Comment.model_validate(entry))
            except ValidationError as error:
                pieces.reject(entry, reason(error))
        return comments


def reason(error: ValidationError) -> str:
    """What is wrong, without what was given."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
