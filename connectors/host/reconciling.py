"""What came in, compared with what the platform lists: what is missing is fetched, what cannot be had is told."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import cast

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from connectors.host.place import Place
from inbox.contract import AuthError, Batch, Connector, ConnectorError, Counts, Event, EventKind, Lists, RateLimited, TellsStanding
from inbox.conversations import incoming, receive, reconciliation
from inbox.conversations.incoming import Origin
from inbox.conversations.receive import LeaseLost
from inbox.conversations.reconciliation import Tally
from inbox.errors import Invalid
from inbox.models import Channel, Post, Reconciliation

log = structlog.get_logger()
MOST_LISTED = 10_000  # messages of one post
TRIES = 5  # of one post, when the platform asks to wait in between
LONGEST_REST = 900.0  # seconds that one comparison rests in all because the platform asks for it
NAP = 60.0  # seconds: a rest is slept in pieces, and the claim kept meanwhile
SPARED = 0.8  # of the platform's quota: the rest of it is for reading and answering
CALM: Callable[[Tally], None] = lambda _: None  # noqa: E731  # nobody watches


class Enough(Exception):
    """The comparison ends before its last post; the message says why."""


@dataclass(slots=True)
class Look:
    """One post, and what was found under it so far: by the platform's ids of messages."""

    post: Post
    listed: set[str] = field(default_factory=set[str])
    missing: set[str] = field(default_factory=set[str])
    fetched: set[str] = field(default_factory=set[str])
    unread: int = 0  # payloads that the connector itself could not read
    unlisted: int = 0  # messages that are here and not there
    counts: tuple[int, int] = (0, 0)  # theirs and ours
    problem: str = ""

    def add_to(self, tally: Tally) -> None:
        unreadable = len(self.missing - self.fetched) + self.unread
        theirs, ours = self.counts
        tally.listed += len(self.listed) + self.unread
        tally.known += len(self.listed - self.missing)
        tally.fetched += len(self.fetched)
        tally.unreadable += unreadable
        tally.unlisted += self.unlisted
        tally.differing += theirs != ours
        if self.problem:
            tally.note(self.post, problem=self.problem)
        if unreadable:
            tally.note(self.post, unreadable=unreadable)
        if self.unlisted:
            tally.note(self.post, unlisted=self.unlisted)
        if theirs != ours:
            tally.note(self.post, theirs=theirs, ours=ours)


async def compare(
    place: Place,
    channel: Channel,
    connector: Connector,
    *,
    days: int,
    night: date | None = None,
    fence: int | None = None,
    actor: str = "system",
    watch: Callable[[Tally], None] = CALM,
) -> Tally:
    """Compare the posts with messages of the last `days`. With the `fence` of a lease, only as long as that lasts: else LeaseLost.

    What is taken in goes the way of a webhook's events: it moves no cursor, and what comes by the stream at the same moment is not
    stored twice. What was said before the channel was connected is history; whoever wrote later, and was missed, waits since then.
    """
    if not isinstance(connector, Lists | Counts):
        raise Invalid("This platform lists nothing that could be compared.", code="lists_nothing")
    async with place.database.transaction() as session:
        run = await reconciliation.claim(session, channel, days=days, now=place.clock(), night=night)
        posts = await reconciliation.posts(session, channel, since=place.clock() - timedelta(days=days))
    comparison = _Comparison(place, channel, connector, run, fence, Tally(posts=len(posts)), watch)
    async with comparison.claimed(actor):
        for post in posts:
            await comparison.one(post)
    return comparison.tally


class _Comparison:
    """One channel while it is compared."""

    def __init__(
        self,
        place: Place,
        channel: Channel,
        connector: Connector,
        run: Reconciliation,
        fence: int | None,
        tally: Tally,
        watch: Callable[[Tally], None],
    ) -> None:
        self.place, self.channel, self.connector, self.run, self.fence = place, channel, connector, run, fence
        self.tally, self.watch = tally, watch
        self.rested = 0.0
        self.ends_at = asyncio.get_running_loop().time() + place.pace.comparing
        watch(tally)

    @asynccontextmanager
    async def claimed(self, actor: str) -> AsyncGenerator[None]:
        """The result is kept however it ends, unless it must begin anew: then the claim is given back."""
        try:
            yield
        except Enough as error:
            self.tally.stopped = str(error)
        except (Exception, asyncio.CancelledError):
            async with self.place.database.transaction() as session:
                await reconciliation.abandon(session, self.run)
            raise
        async with self.place.database.transaction() as session:
            await reconciliation.finish(session, self.run, self.tally, now=self.place.clock(), actor=actor)

    async def one(self, post: Post) -> None:
        """Compare a post; one that fails is told, and stops no other."""
        self._spare()
        look = Look(post)
        try:
            await self._patiently(look)
            self.tally.compared += 1
        except (LeaseLost, Enough, SQLAlchemyError, psycopg.Error):
            raise
        except AuthError as error:
            raise Enough(str(error)) from None
        except Exception as error:  # a connector may be anybody's code
            look.problem = self._sentence(error)
        finally:
            look.add_to(self.tally)
            self.watch(self.tally)
        await self._keep_claim()

    def _spare(self) -> None:
        """Stop in time for what matters more."""
        if asyncio.get_running_loop().time() >= self.ends_at:
            raise Enough("It took too long; the posts after these were not compared.")
        told = self.connector.standing if isinstance(self.connector, TellsStanding) else None
        if told is not None and told.quota_limit and (told.quota_used or 0) >= SPARED * told.quota_limit:
            raise Enough("The rest of the platform's quota is kept for reading and answering.")

    async def _patiently(self, look: Look) -> None:
        """One post, begun anew after each rest that the platform asks for."""
        for _ in range(TRIES):
            try:
                async with asyncio.timeout(self.place.pace.listing):
                    await self._compare(look)
                return
            except RateLimited as error:
                self.rested += error.retry_after
                if self.rested > LONGEST_REST:
                    raise Enough("The platform asked to wait for too long.") from None
                await self._rest(error.retry_after)
        raise Enough("The platform asked to wait again and again.")

    async def _rest(self, seconds: float) -> None:
        while seconds > 0:
            await asyncio.sleep(min(seconds, NAP))
            seconds -= NAP
            await self._keep_claim()

    async def _compare(self, look: Look) -> None:
        began, post = self.place.clock(), look.post
        if isinstance(self.connector, Lists):
            if await self._list(look, self.connector):
                look.unlisted = len(await self._ours(post, before=began) - look.listed)
            else:
                look.problem = f"Only its first {MOST_LISTED} messages were compared."
        if isinstance(self.connector, Counts):
            theirs = await self.connector.counts(post.external_id)
            look.counts = theirs, len(await self._ours(post))

    async def _ours(self, post: Post, *, before: datetime | None = None) -> set[str]:
        async with self.place.database.transaction() as session:
            return await reconciliation.standing(session, post, before=before)

    async def _list(self, look: Look, connector: Lists) -> bool:
        """Take in what is missing, as it is listed; whether that was everything."""
        look.unread = 0
        async with aclosing(cast("AsyncGenerator[Batch]", connector.listed(look.post.external_id))) as batches:
            async for batch in batches:
                look.unread += len(batch.rejected)
                await self._take_in(look, batch)
                if len(look.listed) >= MOST_LISTED:
                    return False
        return True

    async def _take_in(self, look: Look, batch: Batch) -> None:
        said = {incoming.key(event.message_id): event for event in batch.events if event.kind is EventKind.MESSAGE and event.message_id}
        look.listed |= said.keys()
        async with self.place.database.transaction() as session:
            known = await reconciliation.here(session, self.channel.id, said)
        missing = said.keys() - known - look.missing
        if not missing:
            return
        look.missing |= missing
        events = [event for name, event in said.items() if name in missing and self._is_readable(event)]
        async with self.place.database.transaction() as session:
            await receive.receive(
                session,
                self.channel,
                Batch(events),
                now=self.place.clock(),
                fence=self.fence,
                move_cursor=False,
                late=True,
                files=self.place.files,
            )
        async with self.place.database.transaction() as session:
            look.fetched |= await reconciliation.here(session, self.channel.id, missing)

    def _is_readable(self, event: Event) -> bool:
        """What is not would become a dead letter, the same one every night."""
        try:
            incoming.read(event, Origin.of(self.channel), {}, now=self.place.clock())
        except Exception as error:  # whatever a connector has put into an event
            log.warning("a listed message cannot be read", channel=self.channel.id, error=type(error).__name__)
            return False
        return True

    async def _keep_claim(self) -> None:
        async with self.place.database.transaction() as session:
            channel = await session.get(Channel, self.channel.id)
            is_ours = channel is not None and channel.removed_at is None and self.fence in (None, channel.fence)
            if not (is_ours and await reconciliation.advance(session, self.run, self.tally)):
                raise LeaseLost(f"channel {self.channel.id} is not ours to compare any more")

    def _sentence(self, error: Exception) -> str:
        if isinstance(error, ConnectorError):
            return str(error)
        if isinstance(error, TimeoutError):
            return "The platform did not answer in time."
        log.error("a connector failed unexpectedly while listing", channel=self.channel.id, error=type(error).__name__)
        return f"Something unexpected happened ({type(error).__name__})."
