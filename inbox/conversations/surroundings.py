"""What stands around a conversation's timeline: its channel, post and contact, who waits, and the contact's other conversations."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, String, and_, any_, bindparam, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from inbox import questions
from inbox.conversations import rows
from inbox.conversations.rows import Row
from inbox.models import Calendar, CalendarVersion, Channel, Contact, Conversation, Draft, Identity, Metric, Policy, Post, Reading, Wait
from inbox.questions import IDS, Asked, Question, Questions
from inbox.team import rights
from inbox.team.rights import Access

OTHERS = 8


@dataclass(frozen=True, slots=True)
class Waiting:
    """An author who waits, and the message that opened the wait."""

    identity_id: int
    name: str
    since: datetime
    message_id: int
    message_count: int
    due: "Due | None" = None
    wait_id: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """When an answer is due, and by which policy; `conditions` are those that the conversation meets."""

    at: datetime
    seconds: int
    metric: Metric
    policy: str
    conditions: Mapping[str, Sequence[Any]]
    calendar: str | None  # None: the wall clock
    calendar_since: datetime | None  # when the version of the calendar that counts at the due time began; None: since ever
    tier: str  # of the contact who waits


class Platform(NamedTuple):
    """Where a conversation takes place; `addresses` are those that a mail may come from, `actions` what this account can do to messages."""

    name: str
    addresses: Sequence[str]
    actions: Sequence[str] | None  # None: all that the platform can


class ShownPost(NamedTuple):
    """The post that a conversation hangs on, or the group room that it is held in."""

    id: int
    title: str
    text: str
    url: str | None
    published_at: datetime | None
    is_room: bool


class ShownContact(NamedTuple):
    """The contact who began a conversation."""

    id: int
    name: str
    email: str | None
    tier: str
    legal_hold: bool
    created_at: datetime


class ShownDraft(NamedTuple):
    """What the reader has begun to write."""

    mode: str
    body: str
    options: dict[str, Any]


class ShownIdentity(NamedTuple):
    """A contact on one channel's platform."""

    id: int
    channel_id: int
    name: str
    handle: str | None
    is_staff: bool


class Around(NamedTuple):
    """What a conversation has one of, or none; `read` is how far its reader has come."""

    platform: Platform
    post: ShownPost | None
    contact: ShownContact | None
    draft: ShownDraft | None
    read: int


@dataclass(frozen=True, slots=True)
class Person:
    """The contact beside a conversation."""

    contact: ShownContact
    identities: Sequence[ShownIdentity]
    others: Sequence[Row]  # other conversations with the same contact that the reader may see

    @property
    def known_as(self) -> Sequence[ShownIdentity]:
        """The identities that say something new: many channels may know a person by one handle."""
        return list({(one.handle or one.name, one.is_staff): one for one in self.identities}.values())


@dataclass(frozen=True, slots=True)
class Asking:
    """The questions behind what stands around a conversation, on their way."""

    around: Asked[Around | None]
    waiting: Asked[Mapping[int, list[Waiting]]]
    identities: Asked[list[ShownIdentity]]
    others: Asked[list[Row]]

    def person(self, around: Around) -> Person | None:
        return None if around.contact is None else Person(around.contact, self.identities.answer, self.others.answer)


def asking(board: Questions, access: Access, conversation_id: int) -> Asking:
    """All that stands around a conversation: four questions, put among others. Rights to the conversation itself are the asker's."""
    given = {**rights.asker(access), "conversation": conversation_id}
    everything = access.sees_everything
    return Asking(
        around=board.add(Question(_around(), given, lambda found: _read(found[0]) if found else None)),
        waiting=board.add(_waits([conversation_id])),
        identities=board.add(Question(_identities(everything), given, lambda found: [ShownIdentity._make(row) for row in found])),
        others=board.add(rows.listing(_others(everything), given)),
    )


async def waiting(session: AsyncSession, conversation_ids: Collection[int]) -> Mapping[int, list[Waiting]]:
    """Who waits in each of these conversations, the longest first."""
    return await questions.ask(session, _waits(conversation_ids))


def _waits(conversation_ids: Collection[int]) -> Question[Mapping[int, list[Waiting]]]:
    def read(found: Sequence[tuple[Any, ...]]) -> Mapping[int, list[Waiting]]:
        waits: dict[int, list[Waiting]] = {conversation_id: [] for conversation_id in conversation_ids}
        for conversation_id, identity_id, name, since, message_id, wait_id, count, at, *told in found:
            due = None if at is None or told[2] is None else _due(at, *told)
            waits[conversation_id].append(Waiting(identity_id, name, since.astimezone(UTC), message_id, count, due, wait_id))
        return waits

    return Question(_waiting(), {"conversations": list(conversation_ids)}, read)


def _due(at: datetime, seconds: int, metric: str, policy: str, conditions: Any, calendar: str | None, since: Any, tier: str) -> Due:
    began = None if since is None else since.astimezone(UTC)
    return Due(at.astimezone(UTC), seconds, Metric(metric), policy, conditions, calendar, began, tier)


@cache  # a statement never changes, and putting it together costs more than running it
def _waiting() -> bytes:
    columns = (col(Wait.conversation_id), col(Wait.identity_id), col(Identity.name), col(Wait.opened_at), col(Wait.opened_by), col(Wait.id))
    clock = func.jsonb_extract_path_text(col(Policy.targets), cast(col(Wait.metric), String), "clock")
    calendar = case((clock == "wall", None), else_=col(Calendar.name))
    due = (col(Wait.due_at), col(Wait.target_seconds), col(Wait.metric), col(Policy.name), col(Policy.conditions), calendar)
    valid = (col(CalendarVersion.calendar_id) == Calendar.id, col(CalendarVersion.valid_from) <= Wait.due_at)
    since = select(func.max(CalendarVersion.valid_from)).where(*valid).correlate(Calendar, Wait).scalar_subquery()
    return questions.compiled(
        select(*columns, col(Wait.message_count), *due, since, col(Contact.tier))
        .join(Identity, col(Identity.id) == Wait.identity_id)
        .join(Contact, col(Contact.id) == Identity.contact_id)
        .outerjoin(Policy, col(Policy.id) == Wait.policy_id)
        .outerjoin(Calendar, col(Calendar.id) == Policy.calendar_id)
        .where(col(Wait.conversation_id) == any_(bindparam("conversations", type_=IDS)), col(Wait.closed_at).is_(None))
        .order_by(col(Wait.opened_at), col(Wait.id))
    )


@cache
def _around() -> bytes:
    columns: list[Any] = [
        Channel.platform,
        col(Channel.public_config)["addresses"],
        Channel.actions,
        *(Post.id, Post.title, Post.text, Post.url, Post.published_at, Conversation.in_room),
        *questions.columns(Contact, ShownContact),
        *questions.columns(Draft, ShownDraft),
        func.coalesce(Reading.message_id, 0),
    ]
    member = bindparam("member", type_=BigInteger)
    return questions.compiled(
        select(*columns)
        .select_from(Conversation)
        .join(Channel, col(Channel.id) == Conversation.channel_id)
        .outerjoin(Post, col(Post.id) == Conversation.post_id)
        .outerjoin(Contact, col(Contact.id) == Conversation.contact_id)
        .outerjoin(Draft, and_(col(Draft.conversation_id) == Conversation.id, col(Draft.member_id) == member))
        .outerjoin(Reading, and_(col(Reading.conversation_id) == Conversation.id, col(Reading.member_id) == member))
        .where(col(Conversation.id) == bindparam("conversation"))
    )


def _read(values: tuple[Any, ...]) -> Around:
    platform, addresses, actions, *rest, read = values
    of_post, of_contact, of_draft = rest[:6], rest[6:12], rest[12:]
    return Around(
        platform=Platform(platform, addresses or (), actions),
        post=None if of_post[0] is None else ShownPost._make((*of_post[:4], of_post[4] and of_post[4].astimezone(UTC), of_post[5])),
        contact=None if of_contact[0] is None else ShownContact._make((*of_contact[:5], of_contact[5].astimezone(UTC))),
        draft=None if of_draft[0] is None else ShownDraft._make(of_draft),
        read=read,
    )


@cache
def _identities(everything: bool) -> bytes:
    mine = (col(Identity.contact_id) == _contact(), rights.visible(col(Identity.channel_id), everything=everything))
    return questions.compiled(select(*questions.columns(Identity, ShownIdentity)).where(*mine).order_by(col(Identity.id)).limit(OTHERS))


@cache
def _others(everything: bool) -> bytes:
    visible = rights.visible(col(Conversation.channel_id), everything=everything)
    mine = (
        col(Conversation.contact_id) == _contact(),
        col(Conversation.id) != bindparam("conversation"),
        visible,
        col(Conversation.merged_into).is_(None),
    )
    return questions.compiled(rows.query().where(*mine).order_by(col(Conversation.last_message_at).desc()).limit(OTHERS))


def _contact() -> Any:
    of = aliased(Conversation)
    return select(col(of.contact_id)).where(col(of.id) == bindparam("conversation")).scalar_subquery()
