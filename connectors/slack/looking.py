"""A look at everything that Slack keeps since the last one: what nobody told us, oldest first, conversation by conversation.

Live events are not kept for us: what happened while nobody listened is found here only, and from time to time it is made sure that none was
lost. Where a conversation ends is known by its stamps, so no clock of ours decides.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from connectors.slack import events, history, parse
from connectors.slack.api import Api, Json
from connectors.slack.events import Pieces
from connectors.slack.history import Past, stamp
from connectors.slack.people import Directory
from connectors.slack.place import Place
from connectors.slack.shapes import Channel, Message, order
from inbox.contract import Batch, Event, EventKind, Permanent

DEEP, SHALLOW = timedelta(days=7), timedelta(hours=1)  # how far back edits, deletions and threads are looked for
AT_ONCE = 100  # messages in a batch
Told = tuple[str, Json]  # the channel, and a message in it


class Looker:
    """One account's looks."""

    def __init__(self, api: Api, known: Directory, place: Place, number: int) -> None:
        self.place = place
        self._api, self._known, self._number = api, known, number

    async def look(self, *, deep: bool) -> AsyncGenerator[Batch]:
        """Everything new; `deep`: further back, because nobody has listened for a while."""
        seen: set[str] = set()
        for channel in await history.channels(self._api):
            self._known.channels[channel.id] = channel
            try:
                past = await self._past(channel, DEEP if deep else SHALLOW)
                said = [(channel.id, entry) for entry in await self._with_answers(channel.id, past, seen)]
            except Permanent:  # the app has left it meanwhile
                continue
            async with aclosing(self._told(channel.id, said, past)) as batches:
                async for batch in batches:
                    yield batch
        if deep:
            yield await self._quiet_threads(seen)
        self.place.is_new = False
        yield Batch(cursor=str(self.place))

    def heard(self, said: Sequence[Event]) -> None:
        """Remember what came live: which threads are alive, and what may be deleted while nobody listens."""
        for event in said:
            if event.kind is EventKind.MESSAGE and event.parent_id:
                self.place.answered(event.parent_id, event.message_id.partition(":")[2])
            elif event.kind is EventKind.MESSAGE:
                self.place.watch([event.message_id])

    async def listed(self, channel: str) -> AsyncGenerator[Batch]:
        """All that stands in a channel now."""
        past = await history.messages(self._api, channel, "0", "0")
        found = list(past.messages)
        for entry in past.messages:
            if entry.get("reply_count"):
                found += await history.replies(self._api, channel, stamp(entry), "0")
        for part in _parts([(channel, entry) for entry in found]):
            yield (await self._pieces(part)).batch(gap=not past.is_whole)

    async def _past(self, channel: Channel, window: timedelta) -> Past:
        """What Slack keeps of a conversation. Of one that we are new in, a channel shows some of its history, a chat all."""
        since = self.place.read.get(channel.id)
        if since is not None:
            return await history.messages(self._api, channel.id, since, _before(since, window))
        if not self.place.is_new and (channel.is_im or channel.is_mpim):
            return await history.messages(self._api, channel.id, "0", "0")
        past = await history.latest(self._api, channel.id, self._number)
        if self._number == 0:  # nothing of it is shown, but it is known where it ended
            self.place.after(channel.id, stamp(past.messages[-1]) if past.messages else "0")
            return Past((), True, "0")
        return past

    async def _with_answers(self, channel: str, past: Past, seen: set[str]) -> list[Json]:
        """New messages, and the new answers in their threads and in older ones that are alive, all in order."""
        since = self.place.read.get(channel)
        found = [entry for entry in past.messages if since is None or not stamp(entry) or order(stamp(entry)) > order(since)]
        for entry in past.messages:
            thread, last = parse.message_id(channel, stamp(entry)), stamp(entry, "latest_reply")
            known = self.place.threads.get(thread, since or _before(stamp(entry) or "0", DEEP))
            if entry.get("reply_count") and (not last or order(last) > order(known)):
                answers = await history.replies(self._api, channel, stamp(entry), known)
                found += answers
                self.place.answered(thread, stamp(answers[-1]) if answers else last or known)
            seen.add(thread)
        once = {stamp(entry) or str(number): entry for number, entry in enumerate(found)}  # an answer may be shown in the channel too
        return sorted(once.values(), key=lambda entry: order(stamp(entry) or "0"))

    async def _told(self, channel: str, said: Sequence[Told], past: Past) -> AsyncGenerator[Batch]:
        """The messages, then what became of older ones; only the last batch moves the place."""
        await self._meet(past.messages)
        changed = self._changed(channel, past)
        stamps = [stamp(entry) for entry in past.messages if stamp(entry)]
        self.place.watch(parse.message_id(channel, found) for found in stamps)
        self.place.after(channel, stamps[-1] if stamps else "0")
        self.place.read.setdefault(channel, "0")
        gap, parts = not past.is_whole, _parts(said) or [[]]
        for part in parts[:-1]:
            yield (await self._pieces(part)).batch(gap=gap)
            gap = False
        pieces = await self._pieces(parts[-1])
        pieces.events += changed
        if pieces.events or pieces.rejected or pieces.passed:
            yield pieces.batch(None if self.place.is_new else str(self.place), gap=gap)

    async def _pieces(self, said: Sequence[Told]) -> Pieces:
        pieces, now = Pieces(), datetime.now(UTC)
        await self._meet([entry for _, entry in said])
        for channel, entry in said:
            pieces.take(events.wrapped(entry, channel), self._known, now)
        return pieces

    async def _meet(self, said: Sequence[Json]) -> None:
        await self._known.meet(self._api, dict.fromkeys(user for entry in said for user in parse.people(entry)))

    def _changed(self, channel: str, past: Past) -> list[Event]:
        """Edits since the last look, reactions, and which of the watched messages are gone."""
        found, now, since = list[Event](), datetime.now(UTC), self.place.read.get(channel, "")
        there: set[str] = set()
        for entry in past.messages:
            try:
                told = Message.model_validate(entry)
            except ValidationError:  # told when it was new
                there.add(parse.message_id(channel, stamp(entry)))
                continue
            if told.subtype == "tombstone":
                continue
            there.add(parse.message_id(channel, told.ts))
            if told.edited and since and order(told.ts) <= order(since) < order(told.edited.ts):
                found.append(parse.edit(told, channel, "", self._known, entry, told.edited))
            if told.subtype in events.SAYING:
                found += parse.standing_reactions(told, channel, self._known, now)
        for name in [name for name in self.place.watched if name.startswith(f"{channel}:") and name not in there]:
            _, _, when = name.partition(":")
            if since and order(past.low) < order(when) <= order(since):
                self.place.watched.remove(name)
                found.append(parse.deletion(channel, when, now))
        return found

    async def _quiet_threads(self, seen: set[str]) -> Batch:
        """New answers in threads whose beginning lies too far back to be seen."""
        said: list[Told] = []
        for thread, last in list(self.place.threads.items()):
            channel, _, when = thread.partition(":")
            if thread in seen or channel not in self.place.read:
                continue
            try:
                answers = await history.replies(self._api, channel, when, last)
            except Permanent:  # deleted, or out of reach
                del self.place.threads[thread]
                continue
            said += [(channel, entry) for entry in answers]
            if answers:
                self.place.answered(thread, stamp(answers[-1]))
        return (await self._pieces(said)).batch()


def _parts(said: Sequence[Told]) -> list[Sequence[Told]]:
    ordered = sorted(said, key=lambda one: order(stamp(one[1]) or "0"))
    return [ordered[start : start + AT_ONCE] for start in range(0, len(ordered), AT_ONCE)]


def _before(since: str, window: timedelta) -> str:
    seconds, rest = order(since)
    return f"{max(0, seconds - int(window.total_seconds()))}.{rest:06}"
