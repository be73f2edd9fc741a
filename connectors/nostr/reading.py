"""The account as a stream of batches: what the relay has, then what it tells.

A relay gives the newest first, and orders by the authors' clocks: what is a little older is asked for again with each connection, and
what comes twice is known by its id. A clock that is ahead counts as now, or it would hide what comes after. Only what its author has
signed comes in.
"""

import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from pydantic import ValidationError

from connectors.nostr import notes, parse
from connectors.nostr.notes import Note
from connectors.nostr.parse import Passed
from connectors.nostr.people import Known, is_genuine
from connectors.nostr.place import Place
from connectors.nostr.relay import Json, Relay
from inbox.contract import Batch, Event, Rejected

OVERLAP = 600  # seconds that a clock may be behind
MOST, MOST_PAGES = 500, 100
IN_A_BATCH = 50
MOST_SEEN = 5000


class Reader:
    """One stream of an account; it lives longer than its connections."""

    def __init__(self, me: str, place: Place, history: int) -> None:
        self.place, self.known = place, Known(me)
        self._me, self._history = me, history
        self._seen: dict[str, None] = {}

    async def read(self, relay: Relay) -> AsyncGenerator[Batch]:
        """What is there, oldest first, then whatever comes."""
        entries, has_gap = await self._there(relay)
        fresh = self._unseen(entries)
        for start in range(0, len(fresh), IN_A_BATCH):
            yield await self._batch(relay, fresh[start : start + IN_A_BATCH], has_gap and not start)
        if self.place.is_new:
            self.place.is_new = False
            yield Batch(cursor=str(self.place))
        since = max(self.place.begun, self.place.last - OVERLAP)
        await relay.listen("live", *({**one, "since": since} for one in self._filters()))
        await self._watch(relay)
        async with aclosing(relay.heard()) as heard:
            async for entry in heard:
                fresh = self._unseen([entry])
                if fresh:
                    yield await self._batch(relay, fresh)
                    await self._watch(relay)

    def _filters(self) -> list[Json]:
        """Notes and reactions that name us, our own notes."""
        return [{"kinds": [notes.NOTE, notes.REACTION], "#p": [self._me]}, {"kinds": [notes.NOTE], "authors": [self._me]}]

    async def _watch(self, relay: Relay) -> None:
        """Hear what becomes of the latest notes."""
        if self.place.watched:
            await relay.listen("watched", {"kinds": [notes.DELETION], "#e": list(self.place.watched)})

    async def _there(self, relay: Relay) -> tuple[list[Json], bool]:
        """What came since the last time, the oldest first; whether there is more than can be read."""
        if self.place.is_new:
            found = sorted(await relay.query(*({**one, "limit": self._history + 1} for one in self._filters())), key=_moment)
            kept = found[len(found) - min(self._history, len(found)) :]
            left = found[: len(found) - len(kept)]
            self._unseen(left)
            self.place.begun = self.place.last = min(_moment(left[-1]), int(time.time())) if left else 0
            return kept, False
        since, entries, gap = max(self.place.begun, self.place.last - OVERLAP), dict[str, Json](), False
        for one in self._filters():
            until: int | None = None
            for _ in range(MOST_PAGES):
                page = await relay.query({**one, "since": since, "limit": MOST, **({} if until is None else {"until": until})})
                before = len(entries)
                entries |= {str(entry.get("id")): entry for entry in page}
                if len(page) < MOST:
                    break
                oldest = min(map(_moment, page))
                gap = gap or len(entries) == before  # more notes of one second than the relay gives at once
                until = oldest - 1 if len(entries) == before else oldest
            else:
                gap = True
        return sorted(entries.values(), key=_moment), gap

    def _unseen(self, entries: Sequence[Json]) -> list[Json]:
        fresh = [entry for entry in entries if str(entry.get("id")) not in self._seen]
        self._seen |= {str(entry.get("id")): None for entry in fresh}
        while len(self._seen) > MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        return fresh

    async def _batch(self, relay: Relay, entries: Sequence[Json], gap: bool = False) -> Batch:
        """Read these; what cannot be read is kept, what means nothing is counted."""
        events, rejected, passed, found = list[Event](), list[Rejected](), Counter[str](), list[Note]()
        for entry in entries:
            try:
                note = Note.model_validate(entry)
            except ValidationError as error:
                rejected.append(Rejected(json.dumps(entry).encode(), reason_of(error)))
                continue
            if await is_genuine(note):
                found.append(note)
            else:
                passed["an event that its author did not sign"] += 1
        await self.known.meet(relay, found)
        for note in found:
            try:
                events += await self._events(relay, note)
            except Passed as reason:
                passed[str(reason)] += 1
            if note.kind in {notes.NOTE, notes.REACTION}:
                self.place.last = max(self.place.last, min(note.created_at, int(time.time())))
        return Batch(events, str(self.place), gap, rejected, passed)

    async def _events(self, relay: Relay, note: Note) -> list[Event]:
        author = await self.known.author(relay, note.pubkey)
        if note.kind == notes.DELETION:
            own = {
                name: watched for name in note.values("e") if (watched := self.place.watched.get(name)) and watched.author == note.pubkey
            }
            for name in own:
                del self.place.watched[name]
            taken = [parse.taken_back(name, one.target, note, author) for name, one in own.items() if one.target]
            return [*taken, *(parse.deletion(name, note) for name, one in own.items() if not one.target)]
        if note.kind == notes.REACTION:
            target = await self.known.note(relay, note.values("e")[-1]) if note.values("e") else None
            if target is None or target.pubkey != self._me or target.parent is None:
                raise Passed("a reaction to something that is no answer of ours")
            self.place.watch(note.id, note.pubkey, target.id)
            return [parse.reaction(note, author)]
        if note.kind != notes.NOTE:
            raise Passed(f"an event of the kind {note.kind}")
        thread = await self.known.thread(relay, note)
        if thread.is_ours:
            raise Passed("a note of ours")
        self.place.watch(note.id, note.pubkey)
        return [parse.message(note, thread, author)]


def reason_of(error: ValidationError) -> str:
    """What is wrong, without what was given."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _moment(entry: Json) -> int:
    at = entry.get("created_at")
    return at if isinstance(at, int) else 0
