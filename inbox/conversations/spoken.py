"""The language that a conversation is held in: told by its customers' first words that say it, or chosen by a person.

`told_language` is what the platform or the words say; once they do, it stays. `language` is the same until somebody chooses another.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events, languages, questions
from inbox.assistant import language
from inbox.columns import Numbers, Texts
from inbox.contract import EventKind
from inbox.conversations import changes
from inbox.conversations.arrivals import Arrival
from inbox.conversations.known import Known, KnownMessage
from inbox.db import driver
from inbox.errors import Invalid
from inbox.models import Conversation, Direction, Role, SpokenLanguage
from inbox.pipelines import Send, pipeline
from inbox.promptness import targets
from inbox.questions import Question
from inbox.team.rights import Access

TELL = """
    UPDATE conversation SET told_language = new.language, language = coalesce(nullif(conversation.language, ''), new.language)
      FROM unnest(%b::bigint[], %b::text[]) AS new (id, language) WHERE conversation.id = new.id
"""
MEET = "INSERT INTO spoken_language (workspace_id, language) SELECT %s, unnest(%b::text[]) ON CONFLICT DO NOTHING"

LOOK_BACK = 10  # a customer's messages of a conversation, its first ones
UNKNOWN = """
    SELECT conversation.id,
           ARRAY(SELECT left(body, %s) FROM message
                  WHERE conversation_id = conversation.id AND direction = 'in' AND NOT automatic ORDER BY at, id LIMIT %s)
      FROM conversation
     WHERE id = ANY(%b::bigint[]) AND told_language = '' ORDER BY id FOR NO KEY UPDATE
"""


@dataclass(slots=True)
class Told:
    """The languages that a batch tells."""

    met: set[str] = field(default_factory=set[str])
    known: dict[int, str] = field(default_factory=dict[int, str])  # of conversations that were there before
    changed: dict[int, str] = field(default_factory=dict[int, str])  # of these, where nobody had chosen one by hand


def tell(known: Known, messages: Iterable[Arrival | KnownMessage], begun: Collection[int]) -> Told:
    """Look at what customers say where the language is not known yet; the places learn it. `begun`: conversations of this batch."""
    told, by_platform = Told(), _by_platform(known)
    for message in messages:
        place = known.places[message.conversation_id]
        if place.told_language or message.direction is Direction.OUT or message.automatic:
            continue
        place.told_language = by_platform.get(message.external_id or "") or language.detect(message.body)
        if not place.told_language:
            continue
        told.met.add(place.told_language)
        if place.id not in begun:
            told.known[place.id] = place.told_language
            if not place.language:
                told.changed[place.id] = place.told_language
        place.language = place.language or place.told_language
    return told


def write(send: Send, workspace_id: int, told: Told, known: Collection[str]) -> None:
    """Queue what a batch tells; conversations that begin have it in their rows. `known`: languages that the workspace has met."""
    if told.known:
        send(TELL, (Numbers(told.known), Texts(told.known.values())))
    if new := told.met.difference(known):
        send(MEET, (workspace_id, Texts(sorted(new))))


async def met(session: AsyncSession, access: Access) -> Sequence[str]:
    """The languages that conversations of the workspace are or were held in."""
    return await questions.ask(session, meeting(access.workspace_id))


def meeting(workspace_id: int) -> Question[Sequence[str]]:
    """The question behind `met`."""
    return Question(_met(), {"workspace": workspace_id}, lambda found: [row[0] for row in found])


async def choose(session: AsyncSession, access: Access, conversation: Conversation, code: str, *, now: datetime) -> None:
    """Say which language a conversation is held in; "" leaves it to its words again. What its customers may expect follows at once."""
    access.need(Role.AGENT)
    if code and code not in languages.KNOWN:
        raise Invalid("There is no language “{language}” here. Languages are told by their codes, such as de or pt.", language=code[:40])
    row = await session.scalar(
        select(Conversation).where(col(Conversation.id) == conversation.id).with_for_update().execution_options(populate_existing=True)
    )
    if row is not None:
        changes.check(row)
    wanted = code or (row.told_language if row is not None else "")
    if row is None or row.language == wanted:
        return
    before, row.language = row.language, wanted
    connection = await driver(session)
    if wanted:
        await connection.execute(MEET, (row.workspace_id, Texts([wanted])))
    changes.record(session, row, "conversation.language_changed", actor=access.actor, now=now, language=wanted, before=before)
    await targets.settle(session, row.workspace_id, [row.id], now=now, actor=access.actor)


async def unknown(session: AsyncSession, workspace_id: int) -> Sequence[int]:
    """The conversations of which no words have told the language, the newest first."""
    query = select(col(Conversation.id)).where(col(Conversation.workspace_id) == workspace_id, col(Conversation.told_language) == "")
    return (await session.scalars(query.order_by(col(Conversation.id).desc()))).all()


async def look_back(session: AsyncSession, workspace_id: int, conversation_ids: Sequence[int], *, now: datetime) -> int:
    """Tell the language of these conversations from what was said in them; of how many it could be told."""
    connection = await driver(session)
    found = await connection.execute(UNKNOWN, (language.ENOUGH, LOOK_BACK, Numbers(conversation_ids)))
    told: dict[int, str] = {}
    for number, bodies in await found.fetchall():
        if code := _first(bodies):
            told[number] = code
    if told:
        async with pipeline(connection) as send:
            write(send, workspace_id, Told(set(told.values()), told), ())
        await targets.settle(session, workspace_id, told, now=now)
        events.record(session, "languages.told", workspace_id=workspace_id, at=now, actor="system", conversations=len(told))
    return len(told)


def _first(bodies: Sequence[str]) -> str:
    return next((code for body in bodies if (code := language.detect(body))), "")


@cache
def _met() -> bytes:
    mine = col(SpokenLanguage.workspace_id) == bindparam("workspace")
    return questions.compiled(select(col(SpokenLanguage.language)).where(mine).order_by(col(SpokenLanguage.language)))


def _by_platform(known: Known) -> dict[str, str]:
    """What the platform says of messages and edits."""
    kinds = (EventKind.MESSAGE, EventKind.EDIT)
    return {event.message_id: event.language for event in known.fresh if event.language and event.kind in kinds}
