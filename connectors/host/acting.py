"""One action on a message on its way: done by the platform, and its outcome written down under the attempt that asked for it."""

import asyncio
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from connectors.host.place import Place
from connectors.host.sending import LONGEST_PAUSE, Mark, sentence, write
from inbox.contract import Acts, AuthError, Permanent, RateLimited, Transient
from inbox.conversations import acting
from inbox.models import Channel, Moderation


async def act(place: Place, moderation: Moderation, deadline: float) -> None:
    """Do a claimed action. `deadline`, by the loop's clock, is when its lease ends: too close to it, nothing leaves any more."""
    try:
        async with place.database.transaction() as session:
            channel = await session.get_one(Channel, moderation.channel_id)
            message_id = await acting.target(session, moderation)
        if channel.removed_at is not None:
            raise Permanent("The channel was removed.")
        if message_id is None:
            raise Permanent("The message is no longer on the platform.")
        connector = await place.accounts.take(channel)
    except Permanent as error:
        await write(place, _failed(moderation, str(error)))
        return
    except asyncio.CancelledError:  # nothing has left
        await write(place, _again(place, moderation, "The process that should have done it ended.", seconds=0.0))
        raise
    except Exception as error:  # the database, a connector: nothing has left
        await write(place, _again(place, moderation, sentence(error)))
        return
    try:
        if not isinstance(connector, Acts):
            await write(place, _failed(moderation, "This platform cannot do that."))
        elif asyncio.get_running_loop().time() > deadline - place.pace.send:  # this process stood still, and nothing has left
            await write(place, _again(place, moderation, "The process that should have done it stood still.", seconds=0.0))
        else:
            await write(place, await _outcome(place, moderation, connector, message_id))
    finally:
        await place.accounts.give_back(connector)


async def _outcome(place: Place, moderation: Moderation, connector: Acts, message_id: str) -> Mark:
    """Ask the platform, outside of any transaction; what its answer means."""
    try:
        async with asyncio.timeout(place.pace.send):
            await connector.act(moderation.action, message_id, moderation.text)
    except asyncio.CancelledError:
        await write(place, _in_doubt(place, moderation, "The process ended before the platform answered."))
        raise
    except RateLimited as error:
        return _again(place, moderation, sentence(error), seconds=error.retry_after)
    except (Permanent, AuthError) as error:
        return _failed(moderation, sentence(error))
    except Transient as error:
        return _again(place, moderation, sentence(error))
    except Exception as error:  # Ambiguous, too late, or anybody's code: it may have been done
        return _in_doubt(place, moderation, sentence(error))
    return lambda session, now: acting.mark_done(session, moderation, now)


def _failed(moderation: Moderation, reason: str) -> Mark:
    return lambda session, now: acting.mark_failed(session, moderation, reason, now)


def _in_doubt(place: Place, moderation: Moderation, reason: str) -> Mark:
    """Again where twice is the same as once; else a person decides."""
    if moderation.action in acting.REPEATABLE:
        return _again(place, moderation, reason, uncertain=True)
    return lambda session, now: acting.mark_ambiguous(session, moderation, reason, now)


def _again(place: Place, moderation: Moderation, reason: str, *, seconds: float | None = None, uncertain: bool | None = None) -> Mark:
    """Later; what could not be done for a day has failed."""
    pause = seconds if seconds is not None else min(place.pace.first_pause * 2.0 ** min(moderation.attempt, 20), LONGEST_PAUSE)

    async def mark(session: AsyncSession, now: datetime) -> object:
        if now - moderation.act_at > timedelta(seconds=place.pace.give_up):
            end = acting.mark_ambiguous if uncertain else acting.mark_failed
            return await end(session, moderation, f"Given up: {reason}", now)
        return await acting.put_back(session, moderation, reason, now + timedelta(seconds=pause), now, uncertain=uncertain)

    return mark
