"""One set of cleaned events, written: what `receive` does with the database."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, AsyncCursor
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.contract import ConversationKind, EventKind
from inbox.conversations import alterations, arrivals, echoes, known, newcomers, outbox, placing, spam, summaries
from inbox.conversations.alterations import Alterations
from inbox.conversations.arrivals import Arrival
from inbox.conversations.incoming import Incoming
from inbox.conversations.known import Known, Place
from inbox.db import Row
from inbox.models import Channel, Direction, Status
from inbox.pipelines import pipeline
from inbox.promptness import ledger, timeline, waits
from inbox.promptness.expectations import Expectation
from inbox.promptness.ledger import Changes, Subject
from inbox.promptness.timeline import Said, Waiting

ADOPT = """
    UPDATE message SET parent_id = new.parent, expects_since = coalesce(expects_since, new.since)
      FROM unnest(%b::bigint[], %b::bigint[], %b::timestamptz[]) AS new (id, parent, since) WHERE message.id = new.id
"""

JOIN = """
    INSERT INTO thread (workspace_id, channel_id, external_id, conversation_id)
    SELECT %s, %s, * FROM unnest(%b::text[], %b::bigint[]) ON CONFLICT DO NOTHING
"""

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

    channel: Channel
    known: Known
    now: datetime
    begun: set[int]  # conversations of this batch
    arrivals: dict[str, Arrival]  # by the platform's id, in the platform's order
    alterations: Alterations
    retold: set[int]  # conversations whose row and waits have to be told anew from their messages
    echoes: dict[int, Incoming] = field(default_factory=dict[int, Incoming])
    waits: Changes = field(default_factory=Changes)
    moved: list[tuple[Place, Status, Arrival]] = field(default_factory=list[tuple[Place, Status, Arrival]])


async def write(
    session: AsyncSession, connection: AsyncConnection[Row], channel: Channel, batch: Sequence[Incoming], *, now: datetime
) -> Received:
    """Take in one set, or raise and leave a savepoint named `batch` to roll back to."""
    found = await known.look_up(connection, channel, batch, now=now)
    echoed = echoes.find(found)
    places = placing.place(found, echoed)
    begun = await newcomers.settle(connection, channel, found, list(places.founding.values()), now=now)
    messages = placing.earliest_first([event for event in found.fresh if event.id in places.targets])
    intake = _decide(channel, found, places, messages, begun, now=now)
    intake.echoes = {echoed[event.id]: event for event in found.fresh if event.id in echoed}
    async with pipeline(connection):
        inserted, seen = await _send(connection, intake, places.joining(found))
    _record_arrivals(session, intake)
    await ledger.record(session, intake.waits, inserted, actor=f"channel:{channel.id}", now=now)
    await _record_alterations(session, intake, seen)
    await _finish(session, connection, intake)
    touched = {arrival.conversation_id for arrival in intake.arrivals.values()} | intake.retold | set(intake.alterations.seen)
    old = sum(1 for event in found.fresh if event.kind == EventKind.MESSAGE and event.id not in places.targets and event.id not in echoed)
    return Received(touched, [arrival.id for arrival in intake.arrivals.values()], found.duplicates + old)


def _decide(
    channel: Channel, found: Known, places: placing.Placing, messages: Sequence[Incoming], begun: set[int], *, now: datetime
) -> Intake:
    """Everything that follows from the events and from what is known, before the first row is written."""
    coming: dict[str, Arrival] = {}
    for event, number in zip(messages, found.numbers, strict=False):  # an id was drawn for each message, known ones too
        ours = arrivals.is_ours(found, event)
        coming[event.message_id] = arrivals.build(found, channel, event, number, places.conversation(event, found), is_ours=ours)
    arrivals.relate(coming, found, channel)
    altered = alterations.collect(found, coming, channel)
    retold = {orphan.conversation_id for orphan in found.orphans if orphan.parent in coming} | altered.retold
    intake = Intake(channel, found, now, begun, coming, altered, retold)
    _place(intake)
    return intake


def _place(intake: Intake) -> None:
    """Put the messages into their conversations: the list rows, and the waits of those in which everything came in order."""
    grouped: dict[int, list[Arrival]] = defaultdict(list)
    for arrival in intake.arrivals.values():
        grouped[arrival.conversation_id].append(arrival)
    for number, arrived in grouped.items():
        place = intake.known.places[number]
        latest = intake.known.waits.get(number, [])
        if not _is_in_order(intake, place, arrived, latest):
            intake.retold.add(number)
        if number not in intake.retold:
            _advance(intake, place, arrived, latest)
        for arrival in arrived:
            _settle(intake, place, arrival)


def _is_in_order(intake: Intake, place: Place, arrived: Sequence[Arrival], latest: Sequence[tuple[datetime, Waiting]]) -> bool:
    """Whether the waits follow from the open ones alone: nothing came late, nor changed, nor names whom only the database knows."""
    if place.id in intake.known.met or (place.id not in intake.begun and arrived[0].at < place.last_message_at):
        return False
    answers = [arrival for arrival in arrived if arrival.direction == Direction.OUT]
    if answers and any(waiting.closed_at is not None and waiting.closed_at > answers[0].at for _, waiting in latest):
        return False
    if place.kind == ConversationKind.COMMENTS and any(answer.mentions for answer in answers):
        return False
    return all(arrival.is_plain for arrival in arrived)


def _advance(intake: Intake, place: Place, arrived: Sequence[Arrival], latest: Sequence[tuple[datetime, Waiting]]) -> None:
    subject = Subject(
        place.id,
        intake.channel.workspace_id,
        intake.channel.id,
        place.kind,
        place.status,
        place.resolved_at,
        place.assignee_id,
        place.team_id,
    )
    clock = ledger.clock(subject, intake.known.episode_days, latest)
    said = [_said(intake, arrival) for arrival in arrived if not (arrival.is_history or arrival.automatic)]
    after = timeline.fold(clock, [message for message in said if message is not None])
    ledger.advance(intake.waits, subject, [waiting for _, waiting in latest if waiting.closed_at is None], after)
    summaries.count_waits(place, after)


def _said(intake: Intake, arrival: Arrival) -> Said | None:
    if arrival.direction == Direction.IN:
        if arrival.identity_id is None:
            return None
        return Said(arrival.id, arrival.at, intake.now, identity_id=arrival.identity_id, expects_since=arrival.expects_since)
    parent = None
    if arrival.parent_external_id is not None:
        parent = intake.arrivals.get(arrival.parent_external_id) or intake.known.messages.get(arrival.parent_external_id)
    answered = parent.identity_id if parent is not None and parent.direction == Direction.IN else None
    return Said(arrival.id, arrival.at, intake.now, answered=answered, member_id=arrival.member_id, native=True)


def _settle(intake: Intake, place: Place, arrival: Arrival) -> None:
    """What a message does to its conversation's row."""
    summaries.add(place, arrival)
    if arrival.direction == Direction.OUT:
        return
    if place.contact_id is None and arrival.event.person is not None:
        place.contact_id = intake.known.people[arrival.event.person.external_id].contact_id
    if place.status in WAKING and arrival.expectation == Expectation.YES and not arrival.is_history:
        intake.moved.append((place, place.status, arrival))
        place.status = Status.OPEN


async def _send(
    connection: AsyncConnection[Row], intake: Intake, joining: dict[str, int]
) -> tuple[AsyncCursor[Row] | None, AsyncCursor[Row] | None]:
    """Write everything, in one pipeline; the cursors tell the new waits and what was seen."""
    channel, now = intake.channel, intake.now
    if joining:
        names = sorted(joining)
        await connection.execute(JOIN, (channel.workspace_id, channel.id, names, [joining[name] for name in names]))
    if intake.arrivals:
        await arrivals.insert(connection, channel, list(intake.arrivals.values()), now=now)
    adopted = [orphan for orphan in intake.known.orphans if orphan.parent in intake.arrivals]
    if adopted:
        parents = [intake.arrivals[orphan.parent] for orphan in adopted]
        since = [arrivals.adopted_expects_since(orphan, parent, intake.channel) for orphan, parent in zip(adopted, parents, strict=True)]
        await connection.execute(ADOPT, ([orphan.id for orphan in adopted], [parent.id for parent in parents], since))
    seen = await alterations.write(connection, channel, intake.alterations, now=now)
    inserted = await ledger.write(connection, intake.waits)
    touched = sorted({arrival.conversation_id for arrival in intake.arrivals.values()})
    await summaries.write(connection, [intake.known.places[number] for number in touched])
    await connection.execute("RELEASE SAVEPOINT batch")
    return inserted, seen


async def _finish(session: AsyncSession, connection: AsyncConnection[Row], intake: Intake) -> None:
    """What is rare and needs the rows as they are now: conversations out of order, and replies that came back."""
    altered = intake.alterations
    await spam.moderated(session, intake.channel, spammed=altered.spammed, restored=altered.restored, now=intake.now)
    if intake.retold:
        await summaries.refresh(session, intake.retold)
        await waits.refold(session, intake.retold, now=intake.now, actor=f"channel:{intake.channel.id}")
    if intake.echoes:
        for reply in await echoes.mark(session, connection, intake.echoes):
            await outbox.answered(session, reply, actor=f"channel:{intake.channel.id}", now=intake.now)
            intake.retold.add(reply.conversation_id)


def _record_arrivals(session: AsyncSession, intake: Intake) -> None:
    begun = set(intake.begun)
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
    for place, before, arrival in intake.moved:
        data = {"status": Status.OPEN.value, "before": before.value, "snoozed_until": None}
        _record(session, intake, "conversation.moved", place.id, _actor(intake, arrival), data)


async def _record_alterations(session: AsyncSession, intake: Intake, seen: AsyncCursor[Row] | None) -> None:
    actor = f"channel:{intake.channel.id}"
    for kind, conversation_id, data in intake.alterations.log:
        _record(session, intake, kind, conversation_id, actor, data)
    if seen is not None:
        for conversation_id, message in await seen.fetchall():
            _record(session, intake, "message.seen", conversation_id, actor, {"message": message})


def _record(session: AsyncSession, intake: Intake, kind: str, conversation_id: int, actor: str, data: dict[str, Any]) -> None:
    events.record(
        session,
        kind,
        workspace_id=intake.channel.workspace_id,
        at=intake.now,
        actor=actor,
        conversation_id=conversation_id,
        channel_id=intake.channel.id,
        **data,
    )


def _actor(intake: Intake, arrival: Arrival) -> str:
    return f"channel:{intake.channel.id}" if arrival.identity_id is None else f"identity:{arrival.identity_id}"
