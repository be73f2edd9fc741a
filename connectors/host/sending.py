"""One reply on its way: sent once, and its outcome written down under the attempt that sent it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.host.accounts import Misconfigured
from connectors.host.place import Place
from inbox.contract import (
    Ambiguous,
    AuthError,
    Connector,
    ConnectorError,
    Permanent,
    RateLimited,
    Receipt,
    Reconciles,
    Reply,
    Transient,
)
from inbox.conversations import health, lengths, outbox, outgoing, ratings
from inbox.errors import Invalid
from inbox.models import Channel, Message

log = structlog.get_logger()
Mark = Callable[[AsyncSession, datetime], Awaitable[object]]
LONGEST_PAUSE = 300.0
TELLING = 3  # attempts that failed before the channel says that it cannot send: one alone says little


@dataclass(frozen=True, slots=True)
class Ready:
    """A reply as its connector takes it."""

    channel: Channel
    connector: Connector
    reply: Reply


async def send(place: Place, message: Message, deadline: float) -> None:
    """Send a claimed reply. `deadline`, by the loop's clock, is when its lease ends: too close to it, nothing leaves any more."""
    try:
        ready = await _prepare(place, message)
    except (Permanent, Invalid) as error:
        await write(place, _failed(message, str(error)))
        return
    except asyncio.CancelledError:  # nothing has left
        await write(place, _again(place, message, "The process that should have sent it ended.", seconds=0.0))
        raise
    except Exception as error:  # the database, the disk, a connector: nothing has left
        await write(place, _again(place, message, sentence(error)))
        return
    try:
        await _hand_over(place, message, ready, deadline)
    finally:
        await place.accounts.give_back(ready.connector)


async def _hand_over(place: Place, message: Message, ready: Ready, deadline: float) -> None:
    if asyncio.get_running_loop().time() > deadline - place.pace.send:  # this process stood still, and nothing has left
        await write(place, _again(place, message, "The process that should have sent it stood still.", seconds=0.0))
        return
    if message.uncertain and _is_forgotten(place, message, ready.connector):
        await write(place, _left(message, message.error or ""))
        return
    try:
        async with asyncio.timeout(place.pace.send):
            receipt = await ready.connector.send(ready.reply)
    except asyncio.CancelledError:
        await write(place, _doubtful(place, message, "The process ended before the platform answered."))
        raise
    except Exception as error:  # a connector may be anybody's code
        await write(place, _outcome(place, message, ready.connector, error))
        if isinstance(error, AuthError) or (isinstance(error, Transient) and message.attempt >= TELLING):
            await _note(place, _stuck(ready.channel, error))
    else:
        await write(place, _sent(message, receipt))
        if ready.channel.send_error is not None:
            await _note(place, lambda session, now: health.sending_worked(session, ready.channel, now=now))


def _is_forgotten(place: Place, message: Message, connector: Connector) -> bool:
    """Whether the platform may no longer know the key of a reply that it may have taken: it would take it a second time."""
    minutes = connector.capabilities.idempotent_minutes
    return minutes is not None and place.clock() - (message.send_at or message.at) > timedelta(minutes=minutes)


async def ask(place: Place, message: Message) -> None:
    """Find out what became of a reply that may have been sent: again with the same key where that is safe, else by looking."""
    try:
        ready = await _prepare(place, message)
    except (Permanent, Invalid) as error:
        await write(place, _left(message, str(error)))
        return
    connector, reply = ready.connector, ready.reply
    try:
        if connector.capabilities.idempotent_send:
            await write(place, _again(place, message, message.error or "", uncertain=True))
        elif isinstance(connector, Reconciles):
            await _look(place, message, connector, reply)
        else:
            await write(place, _left(message, message.error or ""))
    finally:
        await place.accounts.give_back(connector)


async def _look(place: Place, message: Message, connector: Reconciles, reply: Reply) -> None:
    try:
        async with asyncio.timeout(place.pace.send):
            receipt = await connector.find_sent(reply)
    except (RateLimited, Transient, Ambiguous, TimeoutError) as error:
        if place.clock() - (message.send_at or message.at) > timedelta(seconds=place.pace.ask_for):
            await write(place, _left(message, sentence(error)))
        return  # `try_at` is in the future already: asked again then
    except Exception as error:
        await write(place, _left(message, sentence(error)))
        return
    if receipt is None and await _may_still_arrive(place, message):
        return  # asked again, until its lease is over
    if receipt is None:
        await write(place, _again(place, message, "The platform does not have it; it is sent again.", uncertain=False))
    else:
        await write(place, _sent(message, receipt))


async def _may_still_arrive(place: Place, message: Message) -> bool:
    async with place.database.transaction() as session:
        return await outbox.may_still_arrive(session, message)


async def _prepare(place: Place, message: Message) -> Ready:
    """The connector, and the reply as it takes it; Permanent or Invalid when it cannot be sent at all."""
    async with place.database.transaction() as session:
        channel = await session.get_one(Channel, message.channel_id)
        draft = await outgoing.draft(session, message)
        if message.automatic:
            words = await ratings.completed(session, place.accounts.vault, message.id, draft.reply.text)
            draft = replace(draft, reply=replace(draft.reply, text=words))
    if channel.removed_at is not None:
        await place.accounts.drop(channel.id)
        raise Permanent("The channel was removed.")
    reply = await asyncio.to_thread(outgoing.load, draft, place.files)
    try:
        connector = await place.accounts.take(channel)
    except Misconfigured as error:
        await _note(place, _stuck(channel, error))
        raise
    try:
        lengths.check(reply.text, connector.capabilities.length(draft.kind, private=message.private))
    except Invalid:
        await place.accounts.give_back(connector)
        raise
    return Ready(channel, connector, reply)


def _outcome(place: Place, message: Message, connector: Connector, error: Exception) -> Mark:
    """What an error of `send` means for the reply (docs/sending.md)."""
    match error:
        case RateLimited():
            return _again(place, message, sentence(error), seconds=error.retry_after)
        case Permanent() | AuthError():
            return _failed(message, sentence(error))
        case Transient():
            return _again(place, message, sentence(error))
        case _ if connector.capabilities.idempotent_send:  # Ambiguous, too late, or unexpected: it may have been accepted
            return _again(place, message, sentence(error), uncertain=True)
        case _:
            return _doubtful(place, message, sentence(error))


def sentence(error: Exception) -> str:
    """What a person is told of a failure; the words of an unexpected one may hold a secret."""
    if isinstance(error, ConnectorError):
        return str(error)
    if isinstance(error, TimeoutError):
        return "The platform did not answer in time."
    log.error("a connector failed unexpectedly while sending", error=type(error).__name__)
    return f"Something unexpected happened ({type(error).__name__}) while it was sent."


def _sent(message: Message, receipt: Receipt) -> Mark:
    return lambda session, now: outbox.mark_sent(session, message, receipt, now)


def _failed(message: Message, reason: str) -> Mark:
    return lambda session, now: outbox.mark_failed(session, message, reason, now)


def _left(message: Message, reason: str) -> Mark:
    """Nobody can tell: a person decides."""
    return lambda session, now: outbox.mark_ambiguous(session, message, reason, now)


def _doubtful(place: Place, message: Message, reason: str) -> Mark:
    return lambda session, now: outbox.mark_ambiguous(session, message, reason, now, ask_at=now + timedelta(seconds=place.pace.ask_after))


def _again(place: Place, message: Message, reason: str, *, seconds: float | None = None, uncertain: bool | None = None) -> Mark:
    """Later, with the same key; a reply that could not leave for a day has failed."""
    pause = seconds if seconds is not None else min(place.pace.first_pause * 2.0 ** min(message.attempt, 20), LONGEST_PAUSE)

    async def mark(session: AsyncSession, now: datetime) -> object:
        since = message.send_at or now
        if now - since > timedelta(seconds=place.pace.give_up):
            return await (outbox.mark_ambiguous if uncertain else outbox.mark_failed)(session, message, f"Given up: {reason}", now)
        return await outbox.put_back(session, message, reason, now + timedelta(seconds=pause), now, uncertain=uncertain)

    return mark


def _stuck(channel: Channel, error: Exception) -> Mark:
    return lambda session, now: health.sending_failed(session, channel, str(error), code=type(error).__name__, now=now)


async def _note(place: Place, mark: Mark) -> None:
    """Something about the channel, after the reply's outcome and apart from it: a reader of the channel may hold its row for a moment."""
    try:
        async with place.database.transaction() as session:
            await mark(session, place.clock())
    except (SQLAlchemyError, psycopg.Error, OSError) as error:
        log.warning("a channel's state was not noted", error=type(error).__name__)


async def write(place: Place, mark: Mark) -> None:
    """Write the outcome down, though the process is told to end: what we know now, nobody else can find out. Told twice, it gives up."""
    writing = asyncio.create_task(_write_at_last(place, mark))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await writing
        raise


async def _write_at_last(place: Place, mark: Mark) -> None:
    """However long the database is away."""
    pause = place.pace.first_pause
    while True:
        try:
            async with place.database.transaction() as session:
                await mark(session, place.clock())
        except (SQLAlchemyError, psycopg.Error, OSError) as error:
            log.warning("a reply's outcome is not written down yet", error=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(2 * pause, 30.0)
        else:
            return
