"""The forum's posts as a stream of batches, by the lists of the latest (https://docs.discourse.org/#tag/Posts/operation/listPosts).

A list shows what is among 50 ids, and no parameter asks for more (`latest` in the forum's posts_controller.rb). `before` means "up to this
id" on older forums and "below this id" on newer ones: so what was missed is read in steps of 49 ids, upwards: all of them on both.
"""

from collections import Counter
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import ValidationError

from connectors.discourse import hooks, parse
from connectors.discourse.forum import Forum, Json, Refusal
from connectors.discourse.parse import Passed
from connectors.discourse.place import Place, state
from connectors.discourse.shapes import Post
from inbox.contract import Batch, Event, Rejected

STEP = 49  # ids
PUBLIC, PRIVATE = "latest_posts", "private_posts"
PATHS = {PUBLIC: "/posts.json", PRIVATE: "/private-posts.json"}
MOST_ASKED = 10  # posts that one look asks for by name


class Pieces:
    """What becomes a batch."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.rejected: list[Rejected] = []
        self.passed_over: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self.events or self.rejected or self.passed_over)

    def batch(self, place: Place) -> Batch:
        return Batch(self.events, cursor=str(place), rejected=self.rejected, passed_over=dict(self.passed_over))


class Looker:
    """One stream of a forum."""

    def __init__(self, forum: Forum, reader: parse.Reader, place: Place, history: int, lists: list[str]) -> None:
        self._forum, self._reader, self._place, self._history, self._lists = forum, reader, place, history, lists

    async def look(self) -> AsyncGenerator[Batch]:
        """Everything that is new, oldest first; then what has changed among the latest."""
        for name in self._lists:
            latest = await self._page(name)
            newest = max(latest, default=0)
            last = self._place.last.get(name)
            if last is None:
                yield self._first(name, latest)
                continue
            seen = {number: entry for number, entry in latest.items() if number in self._place.of(name)}
            while last < newest:
                below = min(latest, default=0)
                page = latest if last >= below else await self._page(name, before=last + STEP + 1)
                top = newest if last >= below else min(last + STEP, newest)
                yield self._take(name, {number: page[number] for number in page if last < number <= top}, top)
                last = top
            changes = await self._changes(name, seen, latest)
            if changes:
                yield changes.batch(self._place)

    def _first(self, name: str, latest: dict[int, Json]) -> Batch:
        numbers = sorted(latest)[-self._history :] if self._history else []
        return self._take(name, {number: latest[number] for number in numbers}, max(latest, default=0))

    async def _page(self, name: str, before: int | None = None) -> dict[int, Json]:
        told = (await self._forum.get(PATHS[name], {"before": before} if before else None)).get(name)
        entries = [cast("Json", entry) for entry in cast("list[Any]", told) if isinstance(entry, dict)] if isinstance(told, list) else []
        return {entry["id"]: entry for entry in entries if isinstance(entry.get("id"), int)}

    def _take(self, name: str, entries: dict[int, Json], top: int) -> Batch:
        pieces = Pieces()
        for number in sorted(entries):
            try:
                post = Post.model_validate(entries[number])
                self._place.watch(name, post)
                pieces.events.append(self._reader.message(post, private=name == PRIVATE))
                if post.hidden:
                    pieces.events.append(self._reader.hiding(post))
            except Passed as passed:
                pieces.passed_over[str(passed)] += 1
            except ValidationError as error:
                body = hooks.dump({"post": entries[number]})
                pieces.rejected.append(Rejected(hooks.kept("post_created", body), hooks.reason(error)))
        self._place.last[name] = top
        return pieces.batch(self._place)

    async def _changes(self, name: str, seen: dict[int, Json], latest: dict[int, Json]) -> Pieces:
        """Compare posts that are known with what they are now, and make sure of those that have left the list."""
        pieces, watched = Pieces(), self._place.of(name)
        for entry in seen.values():
            try:
                self._compare(name, Post.model_validate(entry), pieces)
            except (ValidationError, Passed):  # it was readable when it came, and comes again
                continue
        missing = [number for number in watched if number > min(latest, default=0) and number not in latest]
        for number in missing[-MOST_ASKED:]:
            called, _ = watched.pop(number)
            if await self._is_gone(number):
                pieces.events.append(self._reader.deletion(number, called, datetime.now(UTC)))
        return pieces

    def _compare(self, name: str, post: Post, pieces: Pieces) -> None:
        _, before = self._place.of(name)[post.id]
        if before == state(post):
            return
        self._place.watch(name, post)
        if before.rstrip("h") != str(post.version):
            pieces.events.append(self._reader.edit(post, private=name == PRIVATE))
        if before.endswith("h") != post.hidden:
            pieces.events.append(self._reader.hiding(post))

    async def _is_gone(self, number: int) -> bool:
        try:
            told = await self._forum.get(f"/posts/{number}.json")
        except Refusal as error:
            return error.status in {404, 410}
        return bool(told.get("deleted_at") or told.get("user_deleted"))
