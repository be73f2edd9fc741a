"""Who waited for us in a conversation, from when to when: one pure fold over what was said and done. The rules of docs/promptness.md.

The live path folds what is new onto the open waits; a rebuild folds the whole conversation onto nothing. Both are `fold`.

Messages count at the platform's time. What a person wrote in Parley or decided (closed without an answer, marked as spam, resolved)
holds for what had reached us by then: a message that arrives later, while the reply may still be undone, say, still waits.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import IntEnum
from operator import itemgetter

from inbox.models import Metric, Outcome
from inbox.promptness.clocks import Assigned, Clock, Decided, Said, Waiting

EVER = datetime.min.replace(tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)


class Step(IntEnum):
    """What can happen at one moment, in this order."""

    SPEAK = 0
    EXPECT = 1
    GO = 2
    ANSWER = 3
    DECIDE = 4
    ASSIGN = 5


Moment = tuple[datetime, float, Step, Said | Decided | Assigned]
ORDER = itemgetter(slice(3))  # moments, in the order in which they happen


def fold(clock: Clock, said: Iterable[Said], done: Sequence[Decided | Assigned] = ()) -> list[Waiting]:
    """Move the clock over messages and decisions, in whatever order they are given; returns its waits, open ones last."""
    play(clock, steps(said, done))
    return clock.waits


def steps(said: Iterable[Said], done: Sequence[Decided | Assigned] = ()) -> list[Moment]:
    """What happens to a clock, in order."""
    happen: list[Moment] = [moment for message in said for moment in _steps(message)]
    happen += [(deed.at, math.inf, Step.DECIDE if isinstance(deed, Decided) else Step.ASSIGN, deed) for deed in done]
    return sorted(happen, key=ORDER)


def play(clock: Clock, moments: Iterable[Moment]) -> None:
    """Move the clock over what happens."""
    for at, _, step, what in moments:
        if isinstance(what, Decided):
            _decide(clock, what)
        elif isinstance(what, Assigned):
            clock.assignee_id, clock.team_id = what.assignee_id, what.team_id
        elif step == Step.ANSWER:
            _answer(clock, what)
        elif step == Step.GO:
            _go(clock, what, at)
        else:
            _speak(clock, what, at)


def _steps(message: Said) -> Iterable[tuple[datetime, float, Step, Said]]:
    if message.identity_id is None:
        yield message.at, message.id, Step.ANSWER, message
        return
    yield message.at, message.id, Step.SPEAK, message
    if message.expects_since is not None and message.expects_since > message.at:
        yield message.expects_since, message.id, Step.EXPECT, message
    for since in {*message.by_hand} - {message.at}:  # the same may be said again, of one that was split off and came back
        yield since, message.id, Step.EXPECT, message
    if message.gone_at is not None:
        yield max(message.gone_at, message.at), message.id, Step.GO, message


def _speak(clock: Clock, message: Said, at: datetime) -> None:
    """A customer writes, or an edit makes what they wrote a question: join the wait they are in, or begin one."""
    author = message.identity_id
    known = message.known_since
    if author is None or any(begun < known and (ended is None or known < ended) for begun, ended in clock.spam):
        return  # what came with the verdict has its wait
    waiting = clock.open.get(author)
    if waiting is not None:
        if at == message.at or message not in waiting.pending:
            waiting.message_count += 1
            waiting.pending.append(message)
    elif _since(message) <= at and not _is_settled(clock, message, at):
        _begin(clock, author, message, at)


def _is_settled(clock: Clock, message: Said, at: datetime) -> bool:
    """Whether it was gone, or answered, before an edit made it a question."""
    if message.gone_at is not None and message.gone_at < at:
        return True
    if at == message.at or at in message.by_hand:
        return False
    answers = [clock.all_answered, clock.answered.get(message.identity_id or 0)]
    return any(answer is not None and answer >= message.at for answer in answers)


def _begin(clock: Clock, author: int, message: Said, at: datetime) -> None:
    clock.open[author] = Waiting(
        identity_id=author,
        metric=_metric(clock, author, message, at),
        opened_at=at,
        opened_by=message.id,
        received_at=message.received_at,
        by_hand=at in message.by_hand,
        pending=[message],
    )
    clock.last_opened[author] = max(at, clock.last_opened.get(author, at))


def _metric(clock: Clock, author: int, message: Said, at: datetime) -> Metric:
    """First in its episode, or next. Each author of a comment thread has episodes of their own."""
    before = max(clock.last_opened.values(), default=None) if clock.shared else clock.last_opened.get(author)
    if before is None:
        return Metric.FIRST
    known = bisect_left(clock.resolved, message.received_at, key=lambda change: change[0])  # the message itself reopens it
    resolved = clock.resolved[known - 1][1] if known else None
    is_new_episode = resolved is not None and before <= resolved and at - resolved > clock.episode
    return Metric.FIRST if is_new_episode else Metric.NEXT


def _answer(clock: Clock, reply: Said) -> None:
    """A person answered: those addressed wait no longer. Answering Anna never hides Bernd."""
    if clock.shared or reply.answers_all:
        clock.all_answered = reply.at
        addressed = set(clock.open)
    else:
        addressed = _addressed(clock, reply)
        clock.answered.update(dict.fromkeys(addressed, reply.at))
    for author in sorted(addressed & clock.open.keys()):
        # Numbers tell the order in which things reached us, whatever the clocks of two machines say. What a colleague had read who answered
        # in the platform's own app, nobody can know.
        waiting = clock.open[author]
        unseen = [] if reply.native else [message for message in waiting.pending if message.id > reply.id]
        waiting = _end(clock, waiting, Outcome.ANSWERED, reply.at, unseen)
        if waiting is not None:
            waiting.closed_by, waiting.member_id, waiting.native = reply.id, reply.member_id, reply.native


def _addressed(clock: Clock, reply: Said) -> set[int]:
    """Whom a reply in a comment thread answers.

    The author of the message answered, unless the reply names others and not them: where threads are flat, the parent is the root comment
    and only the name says who is meant. With neither, the one who waits, if there is only one.
    """
    if reply.answered is not None and (not reply.mentioned or reply.answered in reply.mentioned):
        return {reply.answered}
    if reply.mentioned:
        return set(reply.mentioned)
    return set(clock.open) if len(clock.open) == 1 else set()


def _go(clock: Clock, message: Said, at: datetime) -> None:
    """A message was deleted or hidden: its author's wait ends when nothing else in it expects an answer."""
    waiting = clock.open.get(message.identity_id or 0)
    if waiting is None or message.gone is None or message not in waiting.pending:
        return
    if not _expecting(waiting.pending, at):
        del clock.open[waiting.identity_id]
        _close(clock, waiting, message.gone, at)


def _decide(clock: Clock, decision: Decided) -> None:
    for author in [decision.identity_id] if decision.identity_id is not None else sorted(clock.open):
        waiting = clock.open.get(author)
        if waiting is not None:
            unseen = [message for message in waiting.pending if message.known_since > decision.at]
            _end(clock, waiting, decision.outcome, decision.at, unseen)


def _end(clock: Clock, waiting: Waiting, outcome: Outcome, at: datetime, unseen: Sequence[Said]) -> Waiting | None:
    """End a wait; what reached us too late to be meant goes on waiting. None when nothing else had begun it."""
    author = waiting.identity_id
    ended, left = waiting, None
    if unseen:
        late = {message.id for message in unseen}
        seen = [message for message in waiting.pending if message.id not in late]
        ended, left = _restarted(waiting, seen, at), _restarted(waiting, unseen, at)
        if ended is None:
            return None
    del clock.open[author]
    _close(clock, ended, outcome, at)
    if left is not None:
        clock.open[author] = left if left.opened_by == waiting.opened_by else replace(left, metric=Metric.NEXT)
    return ended


def _restarted(waiting: Waiting, messages: Sequence[Said], at: datetime) -> Waiting | None:
    """The wait as it would be had its author written only these; None when none of them expects an answer at that time."""
    if not _expecting(messages, at):
        return None
    first = min(messages, key=lambda message: (_since(message), message.id))
    joined = [message for message in messages if message.at >= first.at]
    return replace(
        waiting,
        opened_at=_since(first),
        opened_by=first.id,
        received_at=first.received_at,
        by_hand=first.expects_since is None,
        message_count=len(joined),
        pending=joined,
    )


def _close(clock: Clock, waiting: Waiting, outcome: Outcome, at: datetime) -> None:
    waiting.closed_at, waiting.outcome = at, outcome
    waiting.assignee_id, waiting.team_id = clock.assignee_id, clock.team_id
    clock.closed.append(waiting)


def _expecting(messages: Iterable[Said], at: datetime) -> list[Said]:
    return [message for message in messages if _since(message) <= at and (message.gone_at is None or max(message.gone_at, message.at) > at)]


def _since(message: Said) -> datetime:
    """From when a message expects an answer; never, if it does not."""
    return min((since for since in (message.expects_since, *message.by_hand) if since is not None), default=NEVER)
