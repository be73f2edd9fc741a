"""Strands: the stories of conversations that went into one. Each is told by its own clock until it did; from then on there is one clock.

So merging ends, restarts and answers nobody's wait: what was said to one conversation before was not said to the other. Only who waits in
both waits once from then on, since the earlier of the two; the other wait ends as `merged`, and no figure counts it.

What was split off has its own clock for all that it took along, and shares what was done until then with the one that it left. When it goes
back there, it is told as if it had never left.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from psycopg import AsyncCursor

from inbox.db import Row
from inbox.models import Outcome
from inbox.promptness import timeline
from inbox.promptness.clocks import Clock, Said, Waiting
from inbox.promptness.timeline import Moment

DIVIDED = "conversation.divided"  # one of them was split off from the other

# What went into these conversations, directly or by another one, and where each was before. The partial index makes it cheap where nothing
# ever did.
FLOWING = """
    WITH RECURSIVE strand (root, id, into_id, at, created_at, assignee_id, team_id, been_in, split_from) AS (
        SELECT id, id, NULL::bigint, NULL::timestamptz, created_at, assignee_id, team_id, been_in, split_from
          FROM conversation WHERE id = ANY(%b::bigint[])
        UNION ALL
        SELECT strand.root, conversation.id, conversation.merged_into, conversation.merged_at, conversation.created_at,
               conversation.assignee_id, conversation.team_id, conversation.been_in, conversation.split_from
          FROM strand JOIN conversation ON conversation.merged_into IS NOT NULL AND conversation.merged_into = strand.id)
    SELECT root, id, into_id, at, created_at, assignee_id, team_id, been_in, split_from FROM strand
     WHERE into_id IS NOT NULL OR been_in IS NOT NULL ORDER BY at, id
"""


@dataclass(frozen=True, slots=True)
class Joining:
    """Conversation `id` went into `into` at a moment; who had it then."""

    id: int
    into: int
    at: datetime
    created_at: datetime
    assignee_id: int | None
    team_id: int | None


@dataclass(slots=True)
class Strand:
    """The clock of one conversation, and what is still to happen to it."""

    id: int
    clock: Clock
    moments: list[Moment]
    number: int = field(default=0)  # of the moments, how many have happened

    def play(self, until: datetime) -> None:
        """Let everything happen that was before a moment."""
        begun = self.number
        while self.number < len(self.moments) and self.moments[self.number][0] < until:
            self.number += 1
        timeline.play(self.clock, self.moments[begun : self.number])

    @property
    def rest(self) -> list[Moment]:
        return self.moments[self.number :]


@dataclass(slots=True)
class Flow:
    """What went into conversations, in the order in which it went there, and where it or they were before."""

    joinings: dict[int, list[Joining]] = field(default_factory=lambda: defaultdict[int, list[Joining]](list))
    visited: dict[int, set[int]] = field(default_factory=lambda: defaultdict[int, set[int]](set))
    origins: dict[int, list[int]] = field(default_factory=dict[int, list[int]])  # of what was split off: the nearest first

    def others(self, ids: Iterable[int]) -> list[int]:
        """The conversations besides these whose logs tell something of what is in these."""
        told = {joining.id for root in self.joinings.values() for joining in root}
        return sorted(told.union(*self.visited.values()) - set(ids))

    def homes(self, root: int) -> dict[int, int]:
        """Of what came back to where it had been split off: there, where it is told as if it had never left."""
        there = {root, *(joining.id for joining in self.joinings.get(root, ()))}
        found = {name: next((one for one in self.origins.get(name, ()) if one in there), None) for name in there - {root}}
        homes = {name: home for name, home in found.items() if home is not None}
        for name in sorted(homes):  # the one that was there before is settled first
            homes[name] = homes.get(homes[name], homes[name])
        return homes

    def log(self, name: int, logs: Mapping[int, Sequence[Row]]) -> list[Row]:
        """A conversation's log, after what was done before it was split off. Rows are conversation, kind, time and data."""
        told, left = list(logs.get(name, ())), name
        for origin in self.origins.get(name, ()):
            before = logs.get(origin, ())
            end = next((number for number, row in enumerate(before) if row[1] == DIVIDED and row[3].get("into") == left), 0)
            told, left = [*before[:end], *told], origin
        return told


async def read(cursor: AsyncCursor[Row]) -> Flow:
    """What FLOWING found, by the conversation in which it all is now."""
    flow = Flow()
    for root, number, into, at, *whose, been_in, split_from in await cursor.fetchall():
        if into is not None:
            flow.joinings[root].append(Joining(number, into, at, *whose))
        flow.visited[root].update(been_in or ())
        if split_from:
            flow.origins[number] = split_from
    return flow


def fold(root: int, strands: Mapping[int, Strand], joinings: Sequence[Joining]) -> list[Waiting]:
    """The waits of a conversation and of all that went into it. `joinings` are in the order in which they happened."""
    for joining in joinings:
        into, other = strands[joining.into], strands[joining.id]
        into.play(joining.at)
        other.play(joining.at)
        _join(into.clock, other.clock, joining.at)
        said = [moment for moment in other.rest if isinstance(moment[3], Said)]  # what was done to it counts only until then
        into.moments, into.number = sorted([*into.rest, *said], key=timeline.ORDER), 0
    strands[root].play(timeline.NEVER)
    return strands[root].clock.waits


def _join(clock: Clock, other: Clock, at: datetime) -> None:
    """Let one clock go on for both."""
    for author, waiting in other.open.items():
        mine = clock.open.get(author)
        clock.open[author] = waiting if mine is None else _united(clock, other, mine, waiting, at)
    clock.closed += other.closed
    _take_later(clock.last_opened, other.last_opened)
    _take_later(clock.answered, other.answered)
    answers = [answer for answer in (clock.all_answered, other.all_answered) if answer is not None]
    clock.all_answered = max(answers, default=None)


def _united(clock: Clock, other: Clock, mine: Waiting, waiting: Waiting, at: datetime) -> Waiting:
    """One wait of an author who waits in both: the earlier goes on, with everything that is in either.

    What reached us only afterwards never was a wait of its own beside the other.
    """
    first, later = sorted((mine, waiting), key=lambda one: (one.opened_at, one.opened_by))
    whose = clock if later is mine else other
    was_one = max(mine.received_at, waiting.received_at) >= at
    if not was_one:
        later.closed_at, later.outcome, later.assignee_id, later.team_id = at, Outcome.MERGED, whose.assignee_id, whose.team_id
        clock.closed.append(later)
    first.message_count += later.message_count
    first.pending = sorted([*first.pending, *later.pending], key=lambda message: (message.at, message.id))
    return first


def _take_later(mine: dict[int, datetime], others: Mapping[int, datetime]) -> None:
    for author, at in others.items():
        mine[author] = max(at, mine.get(author, at))
