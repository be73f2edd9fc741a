"""The waits of a conversation, told from nothing: from what was said and what the log says was done, there and in what went into it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from inbox.db import Row
from inbox.models import Outcome, Status
from inbox.promptness import cuts, ledger, strands, timeline
from inbox.promptness.clocks import Assigned, Clock, Decided, Said, Waiting
from inbox.promptness.ledger import Subject
from inbox.promptness.strands import Flow, Joining, Strand

RESOLVED = (Status.RESOLVED, Status.SPAM)  # what sets `resolved_at`


def tell(
    subject: Subject,
    episode_days: int,
    said: Sequence[Said],
    log: Mapping[int, Sequence[Row]],
    opened: Mapping[int, Sequence[datetime]],
    flow: Flow,
    by_hand: dict[int, datetime],
    *,
    now: datetime,
) -> list[Waiting]:
    """Fold a whole conversation; a wait opened by hand that an answer has ended since counts from now. `opened`: by hand before."""
    told = _Story(subject, episode_days, said, log, opened, flow)
    waits = told.fold(by_hand)
    if not by_hand or any(waiting.closed_at is None and waiting.opened_by in by_hand for waiting in waits):
        return waits
    authors = {message.identity_id for message in said if message.id in by_hand}
    if authors & {waiting.identity_id for waiting in waits if waiting.closed_at is None}:
        return waits
    return told.fold(dict.fromkeys(by_hand, now))


def opened(log: Iterable[Row]) -> dict[int, list[datetime]]:
    """When people said of messages that they expect an answer, and did not take it back: by message, wherever it was then."""
    found: dict[int, list[datetime]] = defaultdict(list)
    for _, kind, _, data in log:
        if kind == "wait.opened" and data.get("by_hand"):
            found[data["message"]].append(datetime.fromisoformat(data["opened_at"]))
        elif kind == "wait.corrected" and "opened_at" in data:
            wrong = datetime.fromisoformat(data["opened_at"])
            found[data["message"]] = [at for at in found[data["message"]] if at != wrong]
    return {number: times for number, times in found.items() if times}


@dataclass(slots=True)
class _Story:
    """Everything that a conversation's waits follow from, with what went into it."""

    subject: Subject
    episode_days: int
    said: Sequence[Said]
    log: Mapping[int, Sequence[Row]]
    opened: Mapping[int, Sequence[datetime]]
    flow: Flow

    def fold(self, by_hand: dict[int, datetime]) -> list[Waiting]:
        root = self.subject.id
        homes = self.flow.homes(root)
        joinings = [joining for joining in self.flow.joinings.get(root, ()) if joining.id not in homes]
        logs = {one.id: (one, self.flow.log(one.id, self.log)) for one in self._subjects(joinings)}
        told = {name: _history(one, self.episode_days, log) for name, (one, log) in logs.items()}
        came = {data["merged"]: at for _, kind, at, data in logs[root][1] if kind == "conversation.merged" and "merged" in data}
        said: dict[int, list[Said]] = defaultdict(list)
        for message in _marked(self.said, self.opened, by_hand):
            strand = root if message.strand is None else homes.get(message.strand, message.strand)
            if strand in told:
                said[strand].append(message)
            else:  # of one that had gone into the one that this was split off from
                said[root].append(replace(message, came_at=came.get(strand, max(came.values(), default=None))))
        found = {name: Strand(name, clock, timeline.steps(said[name], done)) for name, (clock, done) in told.items()}
        return strands.fold(root, found, [replace(joining, into=homes.get(joining.into, joining.into)) for joining in joinings])

    def _subjects(self, joinings: Iterable[Joining]) -> Iterable[Subject]:
        yield self.subject
        for one in joinings:
            yield replace(self.subject, id=one.id, assignee_id=one.assignee_id, team_id=one.team_id)


def _history(subject: Subject, episode_days: int, log: Sequence[Row]) -> tuple[Clock, list[Decided | Assigned]]:
    """A clock at the beginning of a conversation, and what the log says was done in it."""
    clock = ledger.clock(replace(subject, status=Status.OPEN, resolved_at=None), episode_days, [])
    had = next((cuts.before(data) for _, kind, _, data in log if kind == "conversation.assigned"), None)
    if had is not None:
        clock.assignee_id, clock.team_id = had.member, had.team
    done: list[Decided | Assigned] = []
    spam_since: datetime | None = None
    for _, kind, at, data in _standing(log):
        if kind == "wait.closed" and data.get("decided"):
            done.append(Decided(at, Outcome(data["outcome"]), data["identity"]))
        elif kind == "conversation.assigned":
            done.append(Assigned(at, data.get("assignee"), data.get("team")))
        elif kind == strands.DIVIDED and "out_of" in data:
            clock.resolved.append((at, None))  # what is split off begins open
        elif kind == "conversation.moved":
            clock.resolved.append((at, at if data.get("status") in RESOLVED else None))
            if spam_since is not None and data.get("status") != Status.SPAM:
                clock.spam.append((spam_since, at))
                spam_since = None
            elif spam_since is None and data.get("status") == Status.SPAM:
                spam_since = at
    if spam_since is not None:
        clock.spam.append((spam_since, None))
    return clock, done


def _standing(log: Sequence[Row]) -> list[Row]:
    """The log without the ends that people took back (`corrections`)."""
    standing: list[Row] = []
    for row in log:
        if row[1] == "wait.corrected":
            standing = [other for other in standing if not _is_taken_back(other, row[3])]
        else:
            standing.append(row)
    return standing


def _is_taken_back(row: Row, correction: dict[str, Any]) -> bool:
    _, kind, at, data = row
    if "closed_at" not in correction:
        return False
    decided = (correction["identity"], datetime.fromisoformat(correction["closed_at"]))
    return kind == "wait.closed" and (data["identity"], at) == decided


def _marked(said: Sequence[Said], opened: Mapping[int, Sequence[datetime]], by_hand: dict[int, datetime]) -> list[Said]:
    """The messages, with when people said that they expect an answer."""
    if not (opened or by_hand):
        return list(said)
    moments = {number: list(times) for number, times in opened.items()}
    for number, at in by_hand.items():
        moments.setdefault(number, []).append(at)
    return [replace(message, by_hand=moments[message.id]) if message.id in moments else message for message in said]
