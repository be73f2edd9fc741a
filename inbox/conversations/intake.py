"""One set of cleaned events, written: what `receive` does with the database."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, AsyncCursor
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.columns import Numbers, Times
from inbox.contract import ConversationKind, EventKind
from inbox.conversations import alterations, arrivals, echoes, known, newcomers, outbox, placing, spam, spoken, summaries
from inbox.conversations.alterations import Alterations
from inbox.conversations.arrivals import Arrival
from inbox.conversations.incoming import Incoming, Origin
from inbox.conversations.known import Known, Place
from inbox.conversations.newcomers import Newcomers
from inbox.conversations.spoken import Told
from inbox.db import Row
from inbox.events import Pending
from inbox.models import Direction, Status
from inbox.pipelines import Send, pipeline
from inbox.promptness import episodes, ledger, moves, targets, timeline, waits
from inbox.promptness.clocks import Said, Waiting
from inbox.promptness.expectations import Expectation
from inbox.promptness.ledger import Changes, Subject

ADOPT = """
    UPDATE message SET parent_id = new.parent, expects_since = coalesce(expects_since, new.since)
      FROM unnest(%b::bigint[], %b::bigint[], %b::timestamptz[]) AS new (id, parent, since) WHERE message.id = new.id
"""

Last = Callable[[Send], None]
WAKING = {Status.RESOLVED, Status.SNOOZED, Status.PENDING}  # what a customer who expects an answer moves back to open


@dataclass(frozen=True)
class Received:
    """What a batch has brought: conversations it touched, new messages in the platform's order, and how many events were there before."""

    conversations: set[int] = field(default_factory=set[int])
    messages: list[int] = field(default_factory=list[int])
    duplicates: int = 0


@dataclass(slots=True)
class Intake:
    """What is to be written, as it is decided."""

    origin: Origin
    known: Known
    now: datetime
    newcomers: Newcomers
    joining: dict[str, int]  # threads that flow into conversations of others
    arrivals: dict[str, Arrival]  # by the platform's id, in the platform's order
    alterations: Alterations
    retold: set[int]  # conversations whose row and waits have to be told anew from their messages
    echoes: dict[int, Incoming]  # by our message
    old: int  # messages that were there before, though their events are new
    languages: Told = field(default_factory=Told)
    waits: Changes = field(default_factory=Changes)
    moved: list[tuple[Place, Status, Arrival]] = field(default_factory=list[tuple[Place, Status, Arrival]])


@dataclass(slots=True)
class Written:
    """A set that is in the tables, and what the database has said of it."""

    intake: Intake
    waits: AsyncCursor[Row] | None
    seen: AsyncCursor[Row] | None


async def write(
    connection: AsyncConnection[Row], origin: Origin, batch: Sequence[Incoming], *, now: datetime, within: bool, last: Last | None
) -> Written:
    """Take in one set, or raise.

    `within`: the transaction has done something already; then there is a savepoint named `batch` to roll back to, else nothing to lose.
    `last`: queues what is to leave with the set, behind it.
    """
    found = await known.look_up(connection, origin, batch, now=now, within=within)
    intake = _decide(origin, found, now=now)
    async with pipeline(connection) as send:
        inserted, seen = _send(send, intake)
        if within:
            send("RELEASE SAVEPOINT batch")
        if last is not None:
            last(send)
    return Written(intake, inserted, seen)


async def finish(session: AsyncSession, connection: AsyncConnection[Row], written: Written) -> Received:
    """Tell the log, and do what is rare and needs the rows as they are now: conversations out of order, and replies that came back."""
    intake, altered = written.intake, written.intake.alterations
    actor = f"channel:{intake.origin.id}"
    _record_arrivals(session, intake)
    await ledger.record(session, intake.waits, written.waits, actor=actor, now=intake.now)
    if intake.moved:
        await moves.note(session, [(place.id, Status.OPEN) for place, _, _ in intake.moved], at=intake.now)
    known = None if intake.known.has_policies else ()
    await targets.settle(
        session, intake.origin.workspace_id, _told(intake), now=intake.now, actor=actor, known=known, ended=intake.waits.has_ended
    )
    await _record_alterations(session, intake, written.seen)
    if altered.spammed or altered.restored:
        await spam.moderated(session, intake.origin, spammed=altered.spammed, restored=altered.restored, now=intake.now)
    if intake.retold:
        await summaries.refresh(session, intake.retold)
        await waits.refold(session, intake.retold, now=intake.now, actor=actor)
    if intake.echoes:
        for reply in await echoes.mark(session, connection, intake.echoes):
            await outbox.answered(session, reply, actor=actor, now=intake.now)
            intake.retold.add(reply.conversation_id)
    touched = {arrival.conversation_id for arrival in intake.arrivals.values()} | intake.retold | set(altered.seen)
    return Received(touched, [arrival.id for arrival in intake.arrivals.values()], intake.known.duplicates + intake.old)


def _decide(origin: Origin, found: Known, *, now: datetime) -> Intake:
    """Everything that follows from the events and from what is known, before the first row is written."""
    echoed = echoes.find(found)
    places = placing.place(found, echoed)
    new = newcomers.settle(found, list(places.founding.values()))
    messages = placing.earliest_first([event for event in found.fresh if event.id in places.targets])
    coming: dict[str, Arrival] = {}
    for event, drawn in zip(messages, found.drawn_messages, strict=False):  # an id was drawn for each message, known ones too
        coming[event.message_id] = arrivals.build(found, origin, event, drawn, places.conversation(event, found))
    arrivals.relate(coming, found, origin)
    altered = alterations.collect(found, coming, origin)
    retold = {orphan.conversation_id for orphan in found.orphans if orphan.parent in coming} | altered.retold
    back = {echoed[event.id]: event for event in found.fresh if event.id in echoed} if echoed else {}
    old = sum(1 for event in found.fresh if event.kind is EventKind.MESSAGE and event.id not in places.targets and event.id not in echoed)
    intake = Intake(origin, found, now, new, places.joining(found), coming, altered, retold, back, old)
    intake.languages = spoken.tell(found, (*coming.values(), *altered.edited.values()), new.begun)
    _place(intake)
    return intake


def _place(intake: Intake) -> None:
    """Put the messages into their conversations: the list rows, and the waits of those in which everything came in order."""
    grouped: dict[int, list[Arrival]] = defaultdict(list)
    for arrival in intake.arrivals.values():
        grouped[arrival.conversation_id].append(arrival)
    for conversation_id, arrived in grouped.items():
        place = intake.known.places[conversation_id]
        latest = intake.known.waits.get(conversation_id, [])
        if not _is_in_order(intake, place, arrived, latest):
            intake.retold.add(conversation_id)
        if conversation_id not in intake.retold:
            _advance(intake, place, arrived, latest)
        for arrival in arrived:
            _settle(intake, place, arrival)


def _is_in_order(intake: Intake, place: Place, arrived: Sequence[Arrival], latest: Sequence[tuple[datetime, Waiting]]) -> bool:
    """Whether the waits follow from the open ones alone: nothing came late, nor changed, nor names whom only the database knows."""
    first = min(arrival.at for arrival in arrived)
    if place.id not in intake.newcomers.begun and first < place.last_message_at:
        return False
    if place.joined_at is not None and first < place.joined_at:
        return False  # two clocks ran then
    if any(waiting.closed_at is None and waiting.opened_at > first for _, waiting in latest):
        return False  # it was opened by hand since: this may be where it begins
    if any(waiting.closed_at is not None and waiting.closed_at > first for _, waiting in latest):
        return False  # said while somebody still waited: it may belong to that wait, or keep it open
    answers = [arrival for arrival in arrived if arrival.is_ours]
    if answers and place.id not in intake.newcomers.begun and _may_end(arrived, latest):
        return False  # it counts for whoever had the conversation when it was written, which may be over
    if place.kind is ConversationKind.COMMENTS and any(answer.event.mentions for answer in answers):
        return False
    return all(arrival.is_plain for arrival in arrived)


def _may_end(arrived: Sequence[Arrival], latest: Sequence[tuple[datetime, Waiting]]) -> bool:
    return any(waiting.closed_at is None for _, waiting in latest) or any(arrival.expects_since is not None for arrival in arrived)


def _advance(intake: Intake, place: Place, arrived: Sequence[Arrival], latest: Sequence[tuple[datetime, Waiting]]) -> None:
    only_grows = place.status is not Status.SPAM and all(arrival.is_plainly_theirs for arrival in arrived)
    if only_grows and ledger.grow(intake.waits, latest, [arrival.identity_id for arrival in arrived]):
        return
    origin = intake.origin
    subject = Subject(
        place.id, origin.workspace_id, origin.id, place.kind, place.status, place.resolved_at, place.assignee_id, place.team_id
    )  # fmt: skip
    clock = ledger.clock(subject, intake.known.episode_days, latest)
    said = [_said(intake, arrival) for arrival in arrived if not (arrival.is_history or arrival.automatic)]
    after = timeline.fold(clock, [message for message in said if message is not None])
    ledger.advance(intake.waits, subject, [waiting for _, waiting in latest if waiting.closed_at is None], after)
    summaries.count_waits(place, after)


def _said(intake: Intake, arrival: Arrival) -> Said | None:
    if not arrival.is_ours:
        if arrival.identity_id is None:
            return None
        return Said(arrival.id, arrival.at, intake.now, arrival.identity_id, arrival.expects_since)
    parent = None
    if arrival.parent_external_id is not None:
        parent = intake.arrivals.get(arrival.parent_external_id) or intake.known.messages.get(arrival.parent_external_id)
    answered = parent.identity_id if parent is not None and parent.direction == Direction.IN else None
    return Said(arrival.id, arrival.at, intake.now, answered=answered, member_id=arrival.member_id, native=True)


def _settle(intake: Intake, place: Place, arrival: Arrival) -> None:
    """What a message does to its conversation's row."""
    summaries.add(place, arrival)
    if arrival.is_ours:
        return
    if place.contact_id is None and arrival.event.person is not None:
        place.contact_id = intake.known.people[arrival.event.person.external_id].contact_id
    if place.status in WAKING and arrival.expectation is Expectation.YES and not arrival.is_history:
        intake.moved.append((place, place.status, arrival))
        place.status = Status.OPEN


def _send(send: Send, intake: Intake) -> tuple[AsyncCursor[Row] | None, AsyncCursor[Row] | None]:
    """Queue everything; the cursors tell the new waits and what was seen."""
    origin, found, coming, now = intake.origin, intake.known, intake.arrivals, intake.now
    newcomers.write(send, origin, found, intake.newcomers, intake.joining, now=now)
    if coming:
        arrivals.insert(send, origin, list(coming.values()), now=now)
    adopted = [orphan for orphan in found.orphans if orphan.parent in coming]
    if adopted:
        parents = [coming[orphan.parent] for orphan in adopted]
        since = [arrivals.adopted_expects_since(orphan, parent, origin) for orphan, parent in zip(adopted, parents, strict=True)]
        send(ADOPT, (Numbers([orphan.id for orphan in adopted]), Numbers([parent.id for parent in parents]), Times(since)))
    seen = alterations.write(send, origin, intake.alterations, now=now)
    inserted = ledger.write(send, intake.waits)
    begun = [(number, found.places[number].kind.value, since) for number, since in sorted(_begun(intake).items())]
    episodes.begin(send, origin.workspace_id, origin.id, begun, now=now)
    spoken.write(send, origin.workspace_id, intake.languages, found.spoken)
    touched = {arrival.conversation_id for arrival in coming.values()} - intake.newcomers.begun.keys()
    if touched:
        summaries.write(send, [found.places[conversation_id] for conversation_id in sorted(touched)])
    return inserted, seen


def _told(intake: Intake) -> set[int]:
    """The conversations of which more has to be told than a growing wait; those that are told anew come later."""
    told = {conversation_id for ids in intake.waits.conversations.values() for conversation_id in ids}
    told.update(place.id for place, _, _ in intake.moved)
    told.update(intake.languages.changed)
    told.update(arrival.conversation_id for arrival in intake.arrivals.values() if arrival.is_ours)
    return told - intake.retold - _begun(intake).keys()


def _begun(intake: Intake) -> dict[int, datetime]:
    """The new conversations in which customers have asked, and nothing else was said or is promised: since when."""
    if intake.known.has_policies:
        return {}
    others = intake.retold | {arrival.conversation_id for arrival in intake.arrivals.values() if arrival.is_ours}
    found: dict[int, datetime] = {}
    for subject, waiting in intake.waits.inserted:
        if subject.id in intake.newcomers.begun and subject.id not in others:
            found[subject.id] = min(waiting.opened_at, found.get(subject.id, waiting.opened_at))
    return found


def _record_arrivals(session: AsyncSession, intake: Intake) -> None:
    begun = set(intake.newcomers.begun)
    for arrival in intake.arrivals.values():
        actor = _actor(intake, arrival)
        if arrival.conversation_id in begun:
            begun.remove(arrival.conversation_id)
            kind = intake.known.places[arrival.conversation_id].kind
            _record(session, intake, "conversation.created", arrival.conversation_id, actor, {"kind": kind.value})
        data: dict[str, Any] = {"message": arrival.id, "identity": arrival.identity_id}
        if arrival.is_history:
            data["history"] = True  # readers stay quiet
        _record(session, intake, "message.received", arrival.conversation_id, actor, data)
    for conversation_id, language in intake.languages.changed.items():
        data = {"language": language, "before": ""}
        _record(session, intake, "conversation.language_changed", conversation_id, f"channel:{intake.origin.id}", data)
    for place, before, arrival in intake.moved:
        data = {"status": Status.OPEN.value, "before": before.value, "snoozed_until": None}
        _record(session, intake, "conversation.moved", place.id, _actor(intake, arrival), data)


async def _record_alterations(session: AsyncSession, intake: Intake, seen: AsyncCursor[Row] | None) -> None:
    actor = f"channel:{intake.origin.id}"
    for kind, conversation_id, data in intake.alterations.log:
        _record(session, intake, kind, conversation_id, actor, data)
    if seen is not None:
        for conversation_id, message in await seen.fetchall():
            _record(session, intake, "message.seen", conversation_id, actor, {"message": message})


def _record(session: AsyncSession, intake: Intake, kind: str, conversation_id: int, actor: str, data: dict[str, Any]) -> None:
    events.note(session, Pending(kind, intake.origin.workspace_id, intake.now, conversation_id, intake.origin.id, actor, data))


def _actor(intake: Intake, arrival: Arrival) -> str:
    return f"channel:{intake.origin.id}" if arrival.identity_id is None else f"identity:{arrival.identity_id}"
