"""What customers answer when they are asked how it was: by a signed link, or in the website chat.

A link holds the rating's id and this installation's signature: nobody can guess another's. It is put into the question when that leaves,
so that the team, who read the question here, cannot answer it themselves. Only `give` records, and only from a form: programs that
look through mail open links.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.errors import Conflict, Invalid, NotFound
from inbox.models import Channel, Contact, Conversation, Rating, RatingState, Status, Workspace
from inbox.secrets import Vault

CHANGED_FOR = timedelta(days=7)
LONGEST = 1000  # characters of a comment
SCORES = range(1, 6)
LINK = "/rate/…"  # stands in the stored question for the customer's own link


class Gone(NotFound):
    """A link that is wrong or too old, or a question that is not there any more."""

    code = "rating_gone"


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link leads to."""

    rating: Rating
    workspace: Workspace
    channel: Channel
    is_unasked: bool  # the person does not want to be asked again

    def is_open(self, now: datetime) -> bool:
        """Whether it can be given, or given otherwise."""
        return _is_open(self.rating, now)


def token(vault: Vault, rating_id: int) -> str:
    """What stands in the link of a rating."""
    return f"{rating_id}-{vault.sign('rating', str(rating_id))}"


async def completed(session: AsyncSession, vault: Vault, message_id: int, body: str) -> str:
    """The text of a question with the customer's own link in it; any other text as it is."""
    if LINK not in body:
        return body
    rating_id = await session.scalar(select(col(Rating.id)).where(col(Rating.message_id) == message_id))
    return body if rating_id is None else body.replace(LINK, f"/rate/{token(vault, rating_id)}")


async def find(session: AsyncSession, vault: Vault, given: str, *, now: datetime) -> Opened:
    """The rating of a link; Gone when the link was not made here, or is too old."""
    number, _, signature = given.partition("-")
    if not (number.isascii() and number.isdecimal() and len(number) < 19 and vault.verify(signature, "rating", number)):
        raise Gone("This link is not complete, or it was not made here.")
    query = (
        select(Rating, Workspace, Channel, col(Contact.unasked_since))
        .join(Workspace, col(Workspace.id) == col(Rating.workspace_id))
        .join(Channel, col(Channel.id) == col(Rating.channel_id))
        .outerjoin(Contact, col(Contact.id) == col(Rating.contact_id))
        .where(col(Rating.id) == int(number), col(Rating.state) == RatingState.ASKED, col(Rating.expires_at) > now)
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise Gone("This link is too old.")
    rating, workspace, channel, unasked_since = found
    return Opened(rating, workspace, channel, unasked_since is not None)


async def give(session: AsyncSession, rating_id: int, *, score: int, comment: str, now: datetime) -> Rating:
    """Keep what the customer says. The same again changes nothing; something else does, for some days."""
    if score not in SCORES:
        raise Invalid("Choose one of the five answers.", code="score")
    comment = comment.replace("\x00", "").replace("\r\n", "\n").strip()
    if len(comment) > LONGEST:
        raise Invalid("A comment has at most {longest} characters.", code="too_long", longest=LONGEST)
    held = select(Rating).where(col(Rating.id) == rating_id).with_for_update().execution_options(populate_existing=True)
    rating = await session.scalar(held)
    if rating is None or rating.state != RatingState.ASKED or rating.expires_at <= now:
        raise Gone("This link is too old.")
    if not _is_open(rating, now):
        raise Conflict("This answer cannot be changed any more.", code="rating_closed")
    if (rating.score, rating.comment) == (score, comment):
        return rating
    before = rating.score
    rating.score, rating.comment, rating.given_at = score, comment, rating.given_at or now
    await session.flush()
    where = {"workspace_id": rating.workspace_id, "channel_id": rating.channel_id, "conversation_id": rating.conversation_id}
    actor = f"channel:{rating.channel_id}"
    events.record(session, "rating.given", **where, at=now, actor=actor, rating=rating.id, score=score, before=before)
    return rating


async def refuse(session: AsyncSession, rating: Rating, *, now: datetime) -> None:
    """The person does not want to be asked again, here or elsewhere in the workspace."""
    mine = update(Contact).where(col(Contact.id) == rating.contact_id, col(Contact.unasked_since).is_(None))
    contact_id = await session.scalar(mine.values(unasked_since=now).returning(col(Contact.id)))
    if contact_id is not None:
        actor, fields = f"channel:{rating.channel_id}", ["unasked_since"]
        events.record(session, "contact.changed", workspace_id=rating.workspace_id, at=now, actor=actor, contact=contact_id, fields=fields)


async def in_chat(session: AsyncSession, conversation_id: int, *, now: datetime) -> int | None:
    """The rating that the website chat asks for now: none once it is given, or the visitor has gone on speaking."""
    query = (
        select(col(Rating.id))
        .join(Conversation, col(Conversation.id) == col(Rating.conversation_id))
        .join(Contact, col(Contact.id) == col(Rating.contact_id))
        .where(
            col(Rating.conversation_id) == conversation_id,
            col(Rating.state) == RatingState.ASKED,
            col(Rating.message_id).is_(None),
            col(Rating.given_at).is_(None),
            col(Rating.expires_at) > now,
            col(Conversation.status) == Status.RESOLVED,
            col(Contact.unasked_since).is_(None),
        )
    )
    return await session.scalar(query.order_by(col(Rating.id).desc()).limit(1))


async def of_chat(session: AsyncSession, conversation_id: int, rating_id: int) -> Rating:
    """A rating of a visitor's own chat; Gone for any other."""
    mine = (col(Rating.id) == rating_id, col(Rating.conversation_id) == conversation_id, col(Rating.message_id).is_(None))
    rating = await session.scalar(select(Rating).where(*mine))
    if rating is None:
        raise Gone("There is no such question.")
    return rating


async def every(session: AsyncSession, conversation_id: int) -> Sequence[Rating]:
    """What was asked about a conversation, and answered, oldest first."""
    query = select(Rating).where(col(Rating.conversation_id) == conversation_id)
    return (await session.scalars(query.order_by(col(Rating.asked_at), col(Rating.id)))).all()


async def forget(session: AsyncSession, *, now: datetime, conversation_ids: Collection[int], contact_id: int | None = None) -> None:
    """Words go, scores stay, and nothing can be answered any more."""
    theirs = col(Rating.conversation_id).in_(conversation_ids)
    if contact_id is not None:
        theirs |= col(Rating.contact_id) == contact_id
    await session.execute(update(Rating).where(theirs, col(Rating.comment) != "").values(comment=""))
    await session.execute(update(Rating).where(theirs, col(Rating.expires_at) > now).values(expires_at=now))


def _is_open(rating: Rating, now: datetime) -> bool:
    return rating.given_at is None or now < rating.given_at + CHANGED_FOR
