"""The account as a stream of batches: REST tells what there is, live events tell when to look.

Notifications and our own statuses are listed in order (`pages`). Edits of those who mention us are announced to nobody who does not follow
them, and nobody is told what was deleted while nobody listened: so the latest statuses are asked for again from time to time (`changes`).
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import ValidationError

from connectors.mastodon import changes, pages, parse
from connectors.mastodon.listening import Told
from connectors.mastodon.parse import Passed
from connectors.mastodon.place import Place
from connectors.mastodon.server import Json, Server
from connectors.mastodon.shapes import Account, Notification, Status
from connectors.mastodon.threads import Threads
from inbox.contract import Batch, Event, Rejected

NOTIFICATIONS, STATUSES = 80, 40  # how many of them the server lists at once
BREATH = 2.0  # seconds at least between two looks: a server takes 300 requests in five minutes
OFTEN = 60.0  # seconds at most between two looks while live events come: one may be lost on its way
SWEEP = 300.0  # seconds between two looks for edits, deletions and answers that do not mention us
MOST_SEEN = 1000
SAYING = {"mention", "quote"}  # kinds of notification that are messages


class Pieces:
    """What becomes a batch."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.rejected: list[Rejected] = []

    def batch(self, place: Place) -> Batch:
        return Batch(self.events, cursor=str(place), rejected=self.rejected)


class Reader:
    """One stream of an account."""

    def __init__(self, server: Server, me: Account, place: Place, history: int) -> None:
        self.server, self.me, self.place, self._history = server, me, place, history
        self.threads = Threads(server, me)
        self.lists_statuses = True  # until the server says otherwise
        self.passed: Counter[str] = Counter()  # what meant nothing here, by reason
        self._seen: dict[str, None] = {}  # notifications and statuses of our own that a look has brought
        self._looked = self._swept = float("-inf")

    async def look(self) -> AsyncGenerator[Batch]:
        """Everything that is new, oldest first."""
        self._looked = time.monotonic()
        is_new = self.place.is_new
        history = self._history if is_new else None
        notifications = pages.after(self.server, "/api/v1/notifications", self.place.notification, NOTIFICATIONS, history)
        async with aclosing(notifications):
            async for page, last in notifications:
                self.place.notification = last
                yield await self._batch(page, "notification")
        own = f"/api/v1/accounts/{self.me.id}/statuses"
        statuses = pages.after(self.server, own, self.place.status, STATUSES, history)
        async with aclosing(statuses):
            async for page, last in statuses:
                self.place.status = last
                yield await self._batch(page, "status")
        if is_new:
            self.place.is_new = False
            yield Pieces().batch(self.place)
        if time.monotonic() - self._swept >= SWEEP:
            swept = await changes.sweep(self, Pieces())
            self._swept = time.monotonic()
            yield swept

    async def hear(self, told: Told) -> AsyncGenerator[Batch]:
        """What a live event means: most of them only that it is time to look."""
        if not told.kind:
            if time.monotonic() - self._looked < OFTEN:
                return
        elif told.kind == "delete":
            self.place.watched.pop(told.data, None)
            yield Batch([parse.deletion(told.data, datetime.now(UTC))] if told.data else (), cursor=str(self.place))
            return
        elif told.kind == "notifications_merged":
            yield await self._batch((await self.server.list("/api/v1/notifications", {"limit": NOTIFICATIONS}))[::-1], "notification")
            return
        elif not self._is_time_to_look(told):
            status = self._for_us(told)
            if status is not None:
                yield await self._batch([status], told.kind)
            return
        await asyncio.sleep(max(0.0, self._looked + BREATH - time.monotonic()))
        async with aclosing(self.look()) as batches:
            async for batch in batches:
                yield batch

    def _is_time_to_look(self, told: Told) -> bool:
        about = _parsed(told)
        if told.kind == "notification":
            return str(about.get("id")) not in self._seen
        account: Any = about.get("account")
        is_own = told.kind == "update" and isinstance(account, dict) and str(about["account"].get("id")) == self.me.id
        return is_own and str(about.get("id")) not in self._seen

    def _for_us(self, told: Told) -> Json | None:
        """The status of a live event that no look would bring: an edit, or an answer to us that does not mention us."""
        about = _parsed(told)
        try:
            status = Status.model_validate(about)
        except ValidationError:  # an announcement, or whatever comes to be
            self.passed[told.kind] += 1
            return None
        answers_us, names_us = status.in_reply_to_account_id == self.me.id, status.names(self.me.id)
        if told.kind == "status.update" and (answers_us or names_us or status.id in self.place.watched):
            return about
        if told.kind == "update" and answers_us and not names_us and status.id not in self._seen:
            return about
        self.passed[told.kind] += 1
        return None

    async def _batch(self, told: list[Json], kind: str) -> Batch:
        pieces = Pieces()
        for entry in told:
            await self.take(entry, kind, pieces)
        return pieces.batch(self.place)

    async def take(self, entry: Json, kind: str, pieces: Pieces) -> None:
        """Read one thing; what cannot be read is kept, what means nothing is counted."""
        self._seen[str(entry.get("id"))] = None
        if len(self._seen) > MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        try:
            if kind == "notification":
                pieces.events.append(await self._notification(Notification.model_validate(entry)))
            else:
                pieces.events.append(await self._status(Status.model_validate(entry), kind))
        except Passed as passed:
            self.passed[str(passed)] += 1
        except ValidationError as error:
            pieces.rejected.append(Rejected(json.dumps({"kind": kind, "entry": entry}).encode(), reason(error)))

    async def _notification(self, told: Notification) -> Event:
        if told.type in SAYING and told.status is not None:
            return await self._status(told.status, told.type)
        if told.type == "update" and told.status is not None and told.status.names(self.me.id):
            return await self._status(told.status, "status.update")
        return parse.reaction(told, self.me)

    async def _status(self, status: Status, kind: str) -> Event:
        if status.reblog is not None:
            raise Passed("a boost")
        thread = await self.threads.find(status)
        self.place.watch(status.id, changes.known(status, self.me))
        if thread.is_ours:
            raise Passed("a post of ours")
        if kind == "status.update":
            return parse.edit(status, thread, self.me)
        return parse.message(status, thread, self.me)


def _parsed(told: Told) -> Json:
    """The JSON of a live event; nothing where it is none, since the next look brings what it was about."""
    try:
        found: Any = json.loads(told.data)
    except (ValueError, RecursionError):
        return {}
    return cast("Json", found) if isinstance(found, dict) else {}


def reason(error: ValidationError) -> str:
    """What is wrong, without what was given."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
