"""How satisfied the demonstration's customers were in its sixty days: two of five answer, and who waited long is less pleased."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from connectors.demo import script
from connectors.demo.customers import language_of_thread
from inbox import events
from inbox.conversations import surveys
from inbox.models import Channel, Conversation, Direction, Episode, Message, Rating, RatingState, Thread, Workspace

PLACES = tuple(script.PLACES[slug] for slug in ("chat", "mail"))
AFTER = 1  # minute: the demonstration is short
ANSWERED = 0.42
LONG = timedelta(minutes=40)  # to wait for somebody who wants something
PROMPT, SLOW = (2, 3, 9, 34, 52), (11, 14, 24, 31, 20)  # how often 1 to 5 is given
SAID_SOMETHING = 0.35
COMMENTS = {
    "de": {
        1: ("Niemand hat mir wirklich geholfen.", "Viel zu lange gewartet, und dann nur ein Textbaustein."),
        2: ("Hat leider sehr lange gedauert.", "Antwort kam, aber mein Fach klemmt immer noch."),
        3: ("Ging so. Nächstes Mal bitte etwas schneller.", "Freundlich, aber die Frage war nur halb beantwortet."),
        4: ("Alles gut, danke.", "Schnelle Antwort, nur die Lieferzeit fehlte."),
        5: ("Super schnell und total nett!", "Besser geht's nicht. Danke, Möwenbräu!", "Problem in fünf Minuten gelöst 🧡"),
    },
    "en": {
        1: ("Nobody really helped me.",), 2: ("It took far too long.",), 3: ("Okay, but I had to ask twice.",),
        4: ("Quick answer, thanks.",), 5: ("Brilliant, solved in minutes!", "Lovely people 🧡"),
    },
}  # fmt: skip


async def seed(session: AsyncSession, workspace: Workspace, *, since: datetime, now: datetime) -> None:
    """Let the chat and the mail ask, and tell what they would have asked, and heard, until now."""
    mine = (col(Channel.workspace_id) == workspace.id, col(Channel.name).in_([place.title for place in PLACES]))
    await session.execute(update(Channel).where(*mine).values(asks_since=since, ask_after=AFTER))
    dice = random.Random("ratings")  # noqa: S311  # a story, not a secret
    rows: list[dict[str, Any]] = []
    asked: dict[int, datetime] = {}
    for row in await _resolved(session, workspace):
        rows.append(_rating(row, asked, dice, now))
    if not rows:
        return
    ids = {
        row.episode_id: row.id
        for row in await session.execute(
            insert(Rating).returning(col(Rating.id), col(Rating.episode_id), sort_by_parameter_order=True), rows
        )
    }
    for row in rows:
        _record(session, row, ids[row["episode_id"]])


async def _resolved(session: AsyncSession, workspace: Workspace) -> Sequence[Any]:
    """What was resolved with an answer, in the order in which it was; with its thread's name, and who gave the last answer."""
    last = (
        select(col(Message.member_id))
        .where(col(Message.conversation_id) == col(Episode.conversation_id), col(Message.direction) == Direction.OUT)
        .order_by(col(Message.at).desc(), col(Message.id).desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(Episode, col(Conversation.contact_id), col(Thread.external_id), last)
        .join(Conversation, col(Conversation.id) == col(Episode.conversation_id))
        .join(Thread, col(Thread.conversation_id) == col(Episode.conversation_id))
        .join(Channel, col(Channel.id) == col(Episode.channel_id))
        .where(
            col(Episode.workspace_id) == workspace.id,
            col(Channel.asks_since).is_not(None),
            col(Episode.resolved_at).is_not(None),
            col(Episode.is_void).is_(False),
            col(Episode.replies_count) > 0,
        )
    )
    return (await session.execute(query.order_by(col(Episode.resolved_at), col(Episode.id)))).all()


def _rating(row: Any, asked: dict[int, datetime], dice: random.Random, now: datetime) -> dict[str, Any]:
    episode, contact_id, thread, member_id = row
    at = episode.resolved_at + timedelta(minutes=AFTER)
    is_recent = contact_id in asked and at - asked[contact_id] < surveys.REST
    told: dict[str, Any] = {
        "workspace_id": episode.workspace_id, "channel_id": episode.channel_id, "conversation_id": episode.conversation_id,
        "episode_id": episode.id, "contact_id": contact_id, "team_id": episode.team_id, "member_id": member_id,
        "priority": episode.priority,
        "state": RatingState.RECENT if is_recent else RatingState.ASKED, "asked_at": at, "expires_at": at + surveys.LASTS,
        "score": None, "comment": "", "given_at": None,
    }  # fmt: skip
    if is_recent:
        return told
    asked[contact_id] = at
    given_at = at + timedelta(minutes=min(dice.lognormvariate(4, 1.4), 6 * 1440))
    score = dice.choices((1, 2, 3, 4, 5), SLOW if episode.resolved_at - episode.began_at > LONG else PROMPT)[0]
    words = dice.choice(COMMENTS.get(language_of_thread(thread), COMMENTS["en"])[score])
    if dice.random() < ANSWERED and given_at < now:
        told |= {"score": score, "given_at": given_at, "comment": words if dice.random() < SAID_SOMETHING else ""}
    return told


def _record(session: AsyncSession, row: dict[str, Any], rating_id: int) -> None:
    if row["state"] is not RatingState.ASKED:
        return
    where = {"workspace_id": row["workspace_id"], "channel_id": row["channel_id"], "conversation_id": row["conversation_id"]}
    events.record(session, "rating.asked", **where, at=row["asked_at"], actor="system", rating=rating_id, episode=row["episode_id"])
    if row["given_at"] is not None:
        actor, score = f"channel:{row['channel_id']}", row["score"]
        events.record(session, "rating.given", **where, at=row["given_at"], actor=actor, rating=rating_id, score=score, before=None)
