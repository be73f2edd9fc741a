"""The waits that a process keeps, brought up to date as a reader of the log: events name the conversations whose waits have changed.

Arrays are never changed once they were handed out: what ends is changed in a copy of its columns, what begins is written behind the end
that others were told.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.models import Outcome
from inbox.promptness import reading
from inbox.promptness.reading import Column, Columns
from inbox.promptness.shelf import Key, Shelf

CHANGING = (
    "wait.opened", "wait.closed", "wait.corrected", "wait.breached", "wait.retold", "wait.retargeted",
    "conversation.labelled", "conversation.prioritised", "conversation.assigned", "conversation.moved",
    "conversation.language_changed",
    "conversation.merged", "conversation.split", "conversation.divided",
)  # fmt: skip
RELOADING = ("contact.erased", "label.changed", "languages.told")  # what changes waits without naming them
RELOADING_ROOMS = ("policy.", "calendar.")
MANY = 20_000  # changed conversations: reading everything anew is cheaper
SPARE = 1.25  # room for what comes

CHANGED = text(
    """
    SELECT coalesce(bool_or(kind = ANY(:reloading) OR split_part(kind, '.', 1) || '.' = ANY(:rooms)), false),
           coalesce(array_agg(DISTINCT conversation_id) FILTER (WHERE conversation_id IS NOT NULL AND kind = ANY(:changing)), '{}')
      FROM event WHERE workspace_id = :workspace AND id > :after AND id <= :last
    """
)


@dataclass(slots=True)
class Kept:
    """The waits of a workspace that began at `since` or later, as they were after the event `last`."""

    since: datetime
    last: int
    columns: Columns  # with room behind
    count: int
    asked: bool = True

    def __len__(self) -> int:
        return self.count

    def view(self) -> Columns:
        return {name: column[: self.count] for name, column in self.columns.items()}


async def columns(session: AsyncSession, shelf: Shelf, key: Key, outcomes: Sequence[Outcome], since: datetime) -> Columns:
    """The waits of a workspace that began at `since` or later, as they are now; `key` names them on the shelf."""
    async with shelf.locks.setdefault(key, _lock()):
        kept = shelf.kept.get(key)
        if kept is None or kept.since > since or not await _follow(session, kept, key[0], outcomes):
            last = await events.last_id(session)
            found = await reading.read(session, key[0], reading.begun(since), outcomes)
            kept = Kept(since, last, found, len(found["id"]))
        kept.asked = True
        shelf.put(key, kept)
        return kept.view()


async def _follow(session: AsyncSession, kept: Kept, workspace_id: int, outcomes: Sequence[Outcome]) -> bool:
    """Read again what has changed since; False: everything has to be read anew."""
    last = await events.last_id(session)
    if last == kept.last:
        return True
    if last < kept.last or kept.last + 1 < await events.oldest_id(session):  # a backup came back, or the log was shortened
        return False
    given = {"reloading": list(RELOADING), "rooms": list(RELOADING_ROOMS), "changing": list(CHANGING)}
    must_reload, ids = (await session.execute(CHANGED, {**given, "workspace": workspace_id, "after": kept.last, "last": last})).one()
    if must_reload or len(ids) > MANY:
        return False
    if ids:
        new = await reading.read(session, workspace_id, reading.of_conversations(ids, kept.since), outcomes)
        await asyncio.to_thread(update, kept, ids, new)
    kept.last = last
    return True


def update(kept: Kept, conversations: Collection[int], new: Columns) -> None:
    """Put the waits of these conversations, as just read, in the place of what was kept of them."""
    old = kept.view()
    for name in new.keys() - old.keys():  # a label that nothing had
        kept.columns[name] = np.zeros(len(kept.columns["id"]), dtype=np.bool_)
    new |= {name: np.zeros(len(new["id"]), dtype=np.bool_) for name in old.keys() - new.keys()}
    old = kept.view()
    told = np.array(sorted(conversations), dtype=np.int64)
    hits = np.flatnonzero(np.isin(old["conversation"], told) | np.isin(old["id"], new["id"]))
    order = np.argsort(new["id"])
    at = np.searchsorted(new["id"], old["id"][hits], sorter=order)
    places = order[np.minimum(at, len(order) - 1)] if len(order) else np.zeros(0, dtype=np.int64)
    stays = len(order) > 0 and bool(np.all(new["id"][places] == old["id"][hits]) and np.all(new["opened"][places] == old["opened"][hits]))
    fresh = np.setdiff1d(np.arange(len(new["id"])), places) if stays else np.arange(len(new["id"]))
    if len(hits) and not stays:
        _rebuild(kept, hits, new)
        return
    if len(hits):
        _replace(kept, hits, {name: column[places] for name, column in new.items()})
    behind = {name: column[fresh] for name, column in new.items()}
    if kept.count and len(fresh) and behind["opened"][0] < old["opened"][-1]:
        _rebuild(kept, hits[:0], behind)
    elif len(fresh):
        _append(kept, behind)


def _replace(kept: Kept, hits: Column, new: Columns) -> None:
    for name, column in kept.columns.items():
        if not np.array_equal(column[hits], new[name], equal_nan=column.dtype == np.float64):
            changed = column.astype(np.result_type(column, new[name]))
            changed[hits] = new[name]
            kept.columns[name] = changed


def _append(kept: Kept, new: Columns) -> None:
    """Nobody was told of what lies behind the end."""
    end = kept.count + len(new["id"])
    for name, column in kept.columns.items():
        kind = np.result_type(column, new[name])
        if len(column) < end or column.dtype != kind:
            room = np.zeros(int(end * SPARE) + 1000, dtype=kind)
            room[: kept.count] = column[: kept.count]
            kept.columns[name] = column = room
        column[kept.count : end] = new[name]
    kept.count = end


def _rebuild(kept: Kept, gone: Column, new: Columns) -> None:
    """What began earlier than the newest, or is no more: sorted anew."""
    stays = np.ones(kept.count, dtype=np.bool_)
    stays[gone] = False
    merged = {name: np.concatenate([column[stays], new[name]]) for name, column in kept.view().items()}
    order = np.lexsort((merged["id"], merged["opened"]))
    kept.columns = {name: column[order] for name, column in merged.items()}
    kept.count = len(order)


def _lock() -> asyncio.Lock:
    return asyncio.Lock()
