"""Lists that are read in order, though the server gives notifications from the newest back.

https://docs.bsky.app/docs/api/app-bsky-notification-list-notifications: a page ends at a moment, and the next one begins strictly before
it, so that of several notifications of one moment some would be lost between two pages: each page begins a little later than the server
says, and what comes twice is known. https://docs.bsky.app/docs/api/com-atproto-repo-list-records: records are ordered by their keys.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.bluesky import ids
from connectors.bluesky.place import EARLIEST
from connectors.bluesky.server import Server
from connectors.bluesky.shapes import Json, as_dict, as_list, as_text
from inbox.contract import Transient

MOST = 100  # entries of a page
MOST_PAGES = 200  # that are read backwards
OVERLAP = timedelta(minutes=10)  # the network orders by the author's clock, so that something older may come later


@dataclass(frozen=True, slots=True)
class Found:
    """Notifications, the oldest first. `before`: the moment of the first one that was left out. `gap`: there are more than can be read."""

    entries: list[Json]
    before: datetime = EARLIEST
    gap: bool = False


async def latest(server: Server, history: int) -> Found:
    """The newest notifications, as many as are wanted."""
    page = _entries(await _notifications(server, ""), "notifications")
    return Found(page[:history][::-1], moment(page[history]) if len(page) > history else EARLIEST)


async def since(server: Server, last: datetime, begun: datetime) -> Found:
    """All notifications since the last one, and those shortly before it; never what was there before the reading began."""
    found: dict[tuple[str, str], Json] = {}
    until = max(begun, last - OVERLAP) if last > EARLIEST else begun
    cursor, gap = "", False
    for _ in range(MOST_PAGES):
        told = await _notifications(server, cursor)
        page, following = _entries(told, "notifications"), as_text(told.get("cursor"))
        fresh = {key: entry for entry in page if (key := (as_text(entry.get("uri")), as_text(entry.get("reason")))) not in found}
        found |= fresh
        if not page or not following or moment(page[-1]) <= until:
            break
        if not fresh and following == cursor:
            raise Transient("The server answered with a list that has no end.")
        cursor = _a_little_later(following) if fresh else following
        gap = gap or (not fresh and len(page) >= MOST)  # a page full of one moment: whether there are more of it nobody can ask
    else:
        gap = True
    return Found(_ordered(found, begun), gap=gap)


async def own(server: Server, did: str, last: str, begun: str) -> AsyncGenerator[tuple[list[Json], str]]:
    """Records of our own after `last` and shortly before it, the oldest first, each page with the key to go on from."""
    overlap = int(OVERLAP.total_seconds()) * 1_000_000
    cursor = max(begun, ids.tid(max(0, ids.moment(last) - overlap)) if last else "")
    while True:
        more = {"cursor": cursor} if cursor else {}
        told = await server.get("com.atproto.repo.listRecords", repo=did, collection=ids.POST, limit=MOST, reverse="true", **more)
        page, following = _entries(told, "records"), as_text(told.get("cursor"))
        last = max(last, _newest(page))
        yield page, last
        if len(page) < MOST or following in {"", cursor}:
            return
        cursor = following


async def latest_own(server: Server, did: str, history: int) -> tuple[list[Json], str, str]:
    """The newest records of our own, the oldest first; the key to go on from, and that of the first one that was left out."""
    told = await server.get("com.atproto.repo.listRecords", repo=did, collection=ids.POST, limit=history + 1)
    page = _entries(told, "records")
    return page[:history][::-1], _newest(page), _newest(page[history:])


async def _notifications(server: Server, cursor: str) -> Json:
    """A page of them, also of those whom the account does not follow."""
    more = {"cursor": cursor} if cursor else {}
    return await server.get("app.bsky.notification.listNotifications", limit=MOST, priority="false", **more)


def moment(entry: Json) -> datetime:
    """When a notification stands in the list; one that does not say so counts as old."""
    try:
        return datetime.fromisoformat(as_text(entry.get("indexedAt"))).astimezone(UTC)
    except (ValueError, OverflowError):
        return EARLIEST


def _entries(told: Json, name: str) -> list[Json]:
    if not isinstance(told.get(name), list):
        raise Transient("The server answered with something that is not what was agreed.")
    return [as_dict(entry) for entry in as_list(told[name])]


def _ordered(found: dict[tuple[str, str], Json], begun: datetime) -> list[Json]:
    entries = sorted(found.values(), key=lambda entry: (moment(entry), as_text(entry.get("uri")).rpartition("/")[2]))
    return [entry for entry in entries if moment(entry) > begun or moment(entry) == EARLIEST]


def _a_little_later(cursor: str) -> str:
    """The cursor of a millisecond later, where it is a moment; any other is the server's to understand."""
    try:
        at = datetime.fromisoformat(cursor).astimezone(UTC) + timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return cursor
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _newest(page: list[Json]) -> str:
    """The newest key of a page; one of a clock that is ahead would hide what comes after it, so that it counts as now."""
    now = ids.tid(int(datetime.now(UTC).timestamp() * 1_000_000))
    keys = [as_text(entry.get("uri")).rpartition("/")[2] for entry in page]
    return max((min(key, now) for key in keys if len(key) == len(now)), default="")
