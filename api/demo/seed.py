"""Make the demonstration workspace: its people, channels, templates, and sixty days that were."""

import json
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

import connectors
from api.demo import chronicle, hands, ratings, words
from api.deps import House
from connectors.demo import Demo, DemoConfig, history, script
from inbox import events
from inbox.contract import Author, Batch, Event
from inbox.conversations import health, receive
from inbox.models import (
    Account,
    Calendar,
    CalendarVersion,
    Channel,
    ChannelState,
    Contact,
    Conversation,
    Identity,
    Label,
    Member,
    Outcome,
    Policy,
    Role,
    Status,
    Team,
    TeamMember,
    Template,
    Wait,
    Workspace,
)
from inbox.promptness import waits

BATCH = 500
FRESH = timedelta(hours=30)  # what is younger stays open
CAME = (
    "UPDATE message SET received_at = at WHERE workspace_id = :workspace_id",
    "UPDATE wait SET received_at = message.at FROM message WHERE message.id = opened_by AND wait.workspace_id = :workspace_id",
    "UPDATE episode SET received_at = began_at, caught_up_late = false WHERE workspace_id = :workspace_id",
    """
    UPDATE contact SET created_at = known.since
      FROM (SELECT contact_id, min(at) AS since FROM message JOIN identity ON identity.id = identity_id
             WHERE message.workspace_id = :workspace_id GROUP BY contact_id) AS known
     WHERE contact.id = known.contact_id
    """,
)
RETURNED = text(
    """
    SELECT id, answered, asked
      FROM (SELECT conversation_id AS id, lag(closed_at) OVER (PARTITION BY conversation_id ORDER BY opened_at) AS answered,
                   opened_at AS asked FROM wait WHERE conversation_id = ANY(cast(:ids AS bigint[]))) AS waited
     WHERE asked > answered + interval '1 hour' ORDER BY asked DESC
    """
)


async def ensure(house: House, *, now: datetime, days: int = history.DAYS) -> int:
    """The demonstration workspace's id; made when there is none yet, in one transaction, so that a stopped start leaves no half of it."""
    async with house.database.transaction() as session:
        found = await session.scalar(select(col(Workspace.id)).where(col(Workspace.is_demo)))
        if found is not None:
            return found
        workspace = Workspace(name=words.BRAND, is_demo=True, locale="de", created_at=now)
        session.add(workspace)
        await session.flush()
        team = await _people(session, workspace, now=now)
        await _words(session, workspace, now=now)
        await _promises(session, workspace, since=_beginning(now))
        for place in script.PLACES.values():
            channel = await _channel(session, house, workspace, place, since=_beginning(now))
            await _history(session, channel, place, team, now=now, days=days)
        await _settle(session, workspace, now=now)
        await ratings.seed(session, workspace, since=_beginning(now), now=now)
        await chronicle.put_right(session, workspace.id)
        return workspace.id


def _beginning(now: datetime) -> datetime:
    """Since when all is there that the history needs."""
    return now - timedelta(days=history.DAYS + 1)


def folder(home: Path, workspace_id: int) -> Path:
    """Where the demonstration's town is kept."""
    return home / "demo" / str(workspace_id)


async def supervisor(session: AsyncSession, workspace_id: int) -> Member | None:
    """Fatma, whom the printed link signs in; None when the workspace is no demonstration."""
    query = select(Member).join(Workspace, col(Workspace.id) == col(Member.workspace_id))
    mine = (col(Member.workspace_id) == workspace_id, col(Workspace.is_demo), col(Member.role) == Role.SUPERVISOR)
    return await session.scalar(query.where(*mine).order_by(col(Member.id)).limit(1))


async def _people(session: AsyncSession, workspace: Workspace, *, now: datetime) -> Sequence[Member]:
    """Aylin, Jonas, Mira and their supervisor Fatma, in two teams. They cannot sign in with a password."""
    members: list[Member] = []
    for person in words.TEAM:
        account = Account(email=f"{person.key}.{workspace.id}@demo.invalid", name=person.name, created_at=now)
        session.add(account)
        await session.flush()
        member = Member(
            workspace_id=workspace.id, account_id=account.id, role=person.role, name=person.name, public_name=person.public, created_at=now
        )
        session.add(member)
        members.append(member)
    await session.flush()
    for name, keys in words.TEAMS.items():
        team = Team(workspace_id=workspace.id, name=name, created_at=now)
        session.add(team)
        await session.flush()
        chosen = (member for member, person in zip(members, words.TEAM, strict=True) if person.key in keys)
        session.add_all(TeamMember(workspace_id=workspace.id, team_id=team.id, member_id=member.id) for member in chosen)
    return members


async def _words(session: AsyncSession, workspace: Workspace, *, now: datetime) -> None:
    """Templates and labels."""
    for shortcut, locale, name, body in words.TEMPLATES:
        session.add(Template(workspace_id=workspace.id, name=name, shortcut=shortcut, body=body, locale=locale, updated_at=now))
    session.add_all(Label(workspace_id=workspace.id, name=name, colour=colour) for name, colour in words.LABELS.items())
    await session.flush()


async def _channel(session: AsyncSession, house: House, workspace: Workspace, place: script.Place, *, since: datetime) -> Channel:
    config = {"folder": str(folder(house.settings.home, workspace.id)), "place": place.slug}
    channel = Channel(
        workspace_id=workspace.id,
        platform="demo",
        name=place.title,
        key=secrets.token_urlsafe(16),
        config=house.vault.encrypt(json.dumps(config)),
        public_config={"looks_like": place.looks_like},
        account_id=script.US.id,
        account_name=script.US.name,
        state=ChannelState.HEALTHY,
        connected_at=since,
        created_at=since,
        **health.allowances(Demo.capabilities, connectors.allowed(Demo, DemoConfig.model_validate(config))),
    )
    session.add(channel)
    await session.flush()
    events.record(
        session,
        "channel.added",
        workspace_id=workspace.id,
        channel_id=channel.id,
        at=since,
        actor="system",
        channel=channel.id,
        platform="demo",
    )
    return channel


async def _history(
    session: AsyncSession, channel: Channel, place: script.Place, team: Sequence[Member], *, now: datetime, days: int
) -> None:
    """Take the days in as they would have come; answers are credited to the members who gave them."""
    authors = tuple([await _colleague(session, channel, member, now=now) for member in team])
    told = iter(history.events(place, until=now, team=authors, days=days))
    while batch := _take(told, BATCH):
        await receive.receive(session, channel, Batch(batch), now=now, move_cursor=False)


async def _colleague(session: AsyncSession, channel: Channel, member: Member, *, now: datetime) -> Author:
    """A member's own account on the platform."""
    contact = Contact(workspace_id=channel.workspace_id, name=member.name, created_at=now)
    session.add(contact)
    await session.flush()
    identity = Identity(
        workspace_id=channel.workspace_id,
        channel_id=channel.id,
        contact_id=contact.id,
        external_id=f"team-{member.id}",
        name=member.name,
        is_staff=True,
        member_id=member.id,
        created_at=now,
    )
    session.add(identity)
    await session.flush()
    return Author(id=identity.external_id, name=identity.name)


def _take(told: Iterator[Event], most: int) -> list[Event]:
    return [event for _, event in zip(range(most), told, strict=False)]


async def _settle(session: AsyncSession, workspace: Workspace, *, now: datetime) -> None:
    """Nobody waits when the demonstration begins, and what is older than yesterday is done; that it came late is no channel's fault."""
    await session.execute(update(Channel).where(col(Channel.workspace_id) == workspace.id).values(lag_seconds=None))
    await _came_as_written(session, workspace)
    mine = col(Conversation.workspace_id) == workspace.id
    unanswered = (await session.scalars(select(Wait).where(col(Wait.workspace_id) == workspace.id, col(Wait.closed_at).is_(None)))).all()
    for wait in unanswered:
        _give_up(session, wait, at=min(now, wait.opened_at + timedelta(days=1)))
    await waits.refold(session, [wait.conversation_id for wait in unanswered], now=now)
    await _resolve(session, (mine, col(Conversation.last_message_at) < now - FRESH))
    await hands.give(session, workspace.id)
    events.put_in_order(session)
    await waits.rebuild(session, workspace.id, now=now)  # when each was resolved, and who had it when, is in the log alone


def _give_up(session: AsyncSession, wait: Wait, *, at: datetime) -> None:
    """Note that nobody answered; the waits are told from this."""
    events.record(
        session,
        "wait.closed",
        workspace_id=wait.workspace_id,
        at=at,
        actor="system",
        conversation_id=wait.conversation_id,
        channel_id=wait.channel_id,
        wait=wait.id,
        identity=wait.identity_id,
        outcome=Outcome.NOT_NEEDED,
        seconds=(at - wait.opened_at).total_seconds(),
        decided=True,
    )


async def _promises(session: AsyncSession, workspace: Workspace, *, since: datetime) -> None:
    """What customers may expect, the history's too: of private messages by the wall clock, of everything else in the shop's hours."""
    calendar = Calendar(workspace_id=workspace.id, name=words.CALENDAR, created_at=since)
    session.add(calendar)
    await session.flush()
    session.add(CalendarVersion(workspace_id=workspace.id, calendar_id=calendar.id, definition=words.HOURS, created_at=since))
    for position, (name, conditions, promised, by_calendar) in enumerate(words.POLICIES):
        policy = Policy(workspace_id=workspace.id, name=name, position=position, created_at=since, changed_at=since)
        policy.conditions, policy.targets = conditions, promised
        policy.calendar_id = calendar.id if by_calendar else None
        session.add(policy)
    await session.flush()


async def _came_as_written(session: AsyncSession, workspace: Workspace) -> None:
    """What was said reached us when it was said: what was decided about it later holds, and a rebuild of the waits finds the same ones."""
    for statement in CAME:
        await session.execute(text(statement), {"workspace_id": workspace.id})


async def _resolve(session: AsyncSession, which: Sequence[ColumnElement[bool]]) -> None:
    """Resolved with the last word, or when nobody waits any more, in one statement; the log tells of each, and who came back later on."""
    ended = select(func.max(Wait.closed_at)).where(col(Wait.conversation_id) == col(Conversation.id)).scalar_subquery()
    resolved = update(Conversation).where(*which)
    resolved = resolved.values(status=Status.RESOLVED, resolved_at=func.greatest(col(Conversation.last_message_at), ended))
    told = resolved.returning(
        col(Conversation.id), col(Conversation.workspace_id), col(Conversation.channel_id), col(Conversation.resolved_at)
    )
    rows: Sequence[Any] = (await session.execute(told.execution_options(synchronize_session=False))).all()
    returned = await _returned(session, [row[0] for row in rows])
    for conversation_id, workspace_id, channel_id, at in sorted(rows, key=lambda row: row[0]):
        moves = [(at, Status.OPEN, Status.RESOLVED)]
        for answered, asked in returned[conversation_id]:
            moves = [(answered, Status.OPEN, Status.RESOLVED), (asked, Status.RESOLVED, Status.OPEN), *moves]
        for moved, before, after in moves:
            events.record(
                session,
                "conversation.moved",
                workspace_id=workspace_id,
                at=moved,
                actor="system",
                conversation_id=conversation_id,
                channel_id=channel_id,
                status=after.value,
                before=before.value,
                snoozed_until=None,
            )


async def _returned(session: AsyncSession, conversation_ids: Sequence[int]) -> Mapping[int, list[tuple[datetime, datetime]]]:
    """Who asked again long after their answer, by conversation: when they had it, and when they asked. It seemed resolved meanwhile."""
    found: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for conversation_id, answered, asked in await session.execute(RETURNED, {"ids": conversation_ids}):
        found[conversation_id].append((answered, asked))
    return found
