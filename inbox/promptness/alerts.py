"""Alerts about waits and resolutions: planned with their due time, raised once when their time comes, ended by the answer (docs/alerts.md).

`plan` belongs to the transaction that settles targets. `raise_due` is the timer's: whoever claims an alert tells it in the app in the very
same transaction, and writes down what leaves by other ways; nothing is told twice, and nothing is lost with a process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.columns import Numbers, Texts, Times, Truths
from inbox.models import AlertKind, AlertState, Episode, Priority, Wait, Way
from inbox.pipelines import Send
from inbox.promptness import chains, deliveries, recipients
from inbox.promptness.calendars import Pause
from inbox.promptness.chains import Step
from inbox.promptness.policies import Rule

LATE = timedelta(seconds=60)  # after its time an alert says since when the wait has been late, and that it comes late itself


def _forget(of: LiteralString) -> LiteralString:
    """What is due this very moment stays, for the timer has it already."""
    return f"""
        DELETE FROM alert USING unnest(%b::bigint[], %b::timestamptz[]) AS new (of_id, due_at)
         WHERE {of} = of_id AND state = 'planned' AND (alert.due_at IS DISTINCT FROM new.due_at OR alert.at > %s)
    """  # noqa: S608  # a column of ours


def _plan(of: LiteralString) -> LiteralString:
    return f"""
        INSERT INTO alert (workspace_id, {of}, due_at, step, kind, at, what, acts)
        SELECT %s, of_id, due_at, step, kind, at, what::jsonb, acts
          FROM unnest(%b::bigint[], %b::timestamptz[], %b::text[], %b::text[], %b::timestamptz[], %b::text[], %b::bool[])
               AS new (of_id, due_at, step, kind, at, what, acts)
            ON CONFLICT ({of}, due_at, step) DO NOTHING
    """  # noqa: S608  # same


FORGET = {Wait: _forget("wait_id"), Episode: _forget("episode_id")}
PLAN = {Wait: _plan("wait_id"), Episode: _plan("episode_id")}

# Each by one process only: who comes second skips what is locked, and finds it raised afterwards.
RAISE = text(
    """
    WITH due AS (SELECT id, wait_id, episode_id FROM alert WHERE state = 'planned' AND at <= :now
                  ORDER BY at, id LIMIT :limit FOR UPDATE SKIP LOCKED)
    UPDATE alert SET raised_at = :now, late = alert.at < :late,
           state = CASE WHEN wait.closed_at IS NOT NULL OR episode.resolved_at IS NOT NULL OR episode.paused_since IS NOT NULL
                             OR episode.is_void THEN 'dropped'
                        WHEN alert.kind <> 'breach'
                             AND (EXISTS (SELECT FROM alert AS later WHERE later.wait_id = alert.wait_id
                                             AND later.due_at = alert.due_at AND later.at > alert.at AND later.at <= :now)
                                  OR EXISTS (SELECT FROM alert AS later WHERE later.episode_id = alert.episode_id
                                                AND later.due_at = alert.due_at AND later.at > alert.at AND later.at <= :now))
                             THEN 'skipped'
                        ELSE 'raised' END
      FROM due LEFT JOIN wait ON wait.id = due.wait_id LEFT JOIN episode ON episode.id = due.episode_id
           JOIN conversation ON conversation.id = coalesce(wait.conversation_id, episode.conversation_id)
     WHERE alert.id = due.id
    RETURNING alert.id, alert.workspace_id, alert.state, alert.kind, alert.step, alert.what, alert.due_at, alert.late,
              conversation.id, conversation.channel_id, conversation.assignee_id, conversation.team_id, conversation.priority
    """
)


@dataclass(frozen=True, slots=True)
class Planned:
    """A wait or an episode as `plan` needs it; `due_at` is None when it has ended, or nothing is due, or nobody shall be told."""

    id: int
    began_at: datetime
    seconds: int | None
    due_at: datetime | None
    rule: Rule | None
    pauses: Sequence[Pause] = ()


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert that this process has just raised, with what decides who is told."""

    id: int
    workspace_id: int
    state: AlertState
    kind: AlertKind
    step: str
    what: Mapping[str, Any]
    due_at: datetime
    late: bool
    conversation_id: int
    channel_id: int
    assignee_id: int | None
    team_id: int | None
    priority: Priority

    @property
    def ways(self) -> frozenset[Way]:
        return frozenset(Way(way) for way in self.what["by"])


def plan(send: Send, workspace_id: int, of: type[Wait | Episode], subjects: Sequence[Planned], *, now: datetime) -> None:
    """Write down when whom is told of these waits, or of these episodes' resolutions, in place of what was planned before.

    What was raised stays so.
    """
    send(FORGET[of], (Numbers([one.id for one in subjects]), Times([one.due_at for one in subjects]), now))
    rows = [(one, step, at) for one in subjects for step, at in _steps(one, now)]
    if rows:
        columns = (
            Numbers([one.id for one, _, _ in rows]),
            Times([one.due_at for one, _, _ in rows]),
            Texts([step.name for _, step, _ in rows]),
            Texts([step.kind.value for _, step, _ in rows]),
            Times([at for _, _, at in rows]),
            Texts([step.stored for _, step, _ in rows]),
            Truths([bool(step.then) for _, step, _ in rows]),
        )
        send(PLAN[of], (workspace_id, *columns))


async def raise_due(session: AsyncSession, *, now: datetime, limit: int = 500) -> int:
    """Raise the alerts whose time has come, each once however many processes do it; how many were looked at."""
    found = await session.execute(RAISE, {"now": now, "late": now - LATE, "limit": limit})
    rows = sorted((_raised(tuple(row)) for row in found), key=lambda alert: alert.id)
    raised = [alert for alert in rows if alert.state is AlertState.RAISED]
    for workspace_id in sorted({alert.workspace_id for alert in raised}):
        await _tell(session, workspace_id, [alert for alert in raised if alert.workspace_id == workspace_id], now)
    return len(rows)


async def _tell(session: AsyncSession, workspace_id: int, raised: Sequence[Raised], now: datetime) -> None:
    people = await recipients.people(session, workspace_id, now=now)
    told = {alert.id: await people.told(alert.what["to"], alert.assignee_id, alert.team_id, alert.channel_id) for alert in raised}
    in_app = [(alert.id, member_id) for alert in raised if Way.APP in alert.ways for member_id in told[alert.id]]
    if in_app:
        await session.execute(
            text(
                "INSERT INTO alert_notice (workspace_id, alert_id, member_id)"
                " SELECT :workspace, * FROM unnest(cast(:alerts AS bigint[]), cast(:members AS bigint[]))"
            ),
            {"workspace": workspace_id, "alerts": [one for one, _ in in_app], "members": [member for _, member in in_app]},
        )
    for alert in raised:
        events.record(
            session, "alert.raised", workspace_id=workspace_id, at=now, actor="system", conversation_id=alert.conversation_id,
            channel_id=alert.channel_id, alert=alert.id, kind=alert.kind.value, step=alert.step, due_at=alert.due_at.isoformat(),
            late=alert.late, members=told[alert.id] if Way.APP in alert.ways else [],
        )  # fmt: skip
    news = [
        deliveries.News(alert.id, alert.ways, tuple(told[alert.id]), alert.kind is not AlertKind.WARNING, alert.priority)
        for alert in raised
    ]
    await deliveries.enqueue(session, people, news, now=now)


def _steps(one: Planned, now: datetime) -> list[tuple[Step, datetime]]:
    """What is still to come, and the breach and what follows it even when they are past: what reaches us late warns nobody."""
    if one.due_at is None or one.rule is None or one.seconds is None:
        return []
    found = chains.moments(one.rule.chain, one.rule, one.began_at, one.seconds, one.pauses)
    return [(step, at) for step, at in found if at > now or step.kind is not AlertKind.WARNING]


def _raised(row: tuple[Any, ...]) -> Raised:
    alert_id, workspace_id, state, kind, step, what, due_at, late, conversation_id, channel_id, assignee_id, team_id, priority = row
    return Raised(
        alert_id, workspace_id, AlertState(state), AlertKind(kind), step, what, due_at, late, conversation_id, channel_id, assignee_id,
        team_id, Priority(priority),
    )  # fmt: skip
