"""Lists that are read in order from any entry on.

https://docs.joinmastodon.org/methods/notifications/#get, https://docs.joinmastodon.org/methods/accounts/#statuses: `min_id` gives what
comes right after, `max_id` what comes right before; a page begins with its newest.
"""

from collections.abc import AsyncGenerator

from connectors.mastodon.server import Json, Server
from inbox.contract import Transient

MOST_PAGES = 50  # that are read backwards


async def after(server: Server, path: str, last: str | None, most: int, history: int | None) -> AsyncGenerator[tuple[list[Json], str]]:
    """Pages after `last`, the oldest first, each with the id that the next one begins after: only the server can order ids.

    `history`: at the very beginning, how many of the latest.
    """
    if last is None:
        for page in reversed(await _latest(server, path, most, history)):
            newest = _newest(page)
            if newest is not None:
                yield ([] if history == 0 else page[::-1]), newest
        return
    while page := await server.list(path, {"min_id": last, "limit": most}):
        newest = _newest(page)
        if newest is None or newest == last:
            raise Transient("The server answered with a list that has no end.")
        last = newest
        yield page[::-1], last
        if len(page) < most // 2:  # what a filter has left out comes with the next look
            return


async def _latest(server: Server, path: str, most: int, history: int | None) -> list[list[Json]]:
    """Pages from the newest back: as many things as there may be of history, or all where there were none when reading began."""
    page = await server.list(path, {"limit": most if history is None else max(1, min(most, history))})
    pages = [page]
    while history is None and len(page) >= most // 2 and len(pages) < MOST_PAGES:
        page = await server.list(path, {"limit": most, "max_id": str(page[-1].get("id"))})
        pages.append(page)
    return pages


def _newest(page: list[Json]) -> str | None:
    return next((str(entry["id"]) for entry in page if entry.get("id") is not None), None)
