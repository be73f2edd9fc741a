"""The latest comments, read backwards from the newest until there is nothing new.

https://developer.wordpress.org/rest-api/reference/comments/#list-comments. Comments can be asked for by their order only, not from an id
on: so pages overlap by one, and where somebody deleted one meanwhile, so that pages no longer meet, the reading goes back a little.
"""

from dataclasses import dataclass, field

from connectors.wordpress.site import Json, Site
from inbox.contract import Transient

FEW, MANY = 20, 100  # comments of a page; the API gives no more at once
EVERYTHING = {"context": "edit", "status": "any", "orderby": "id", "order": "desc"}


@dataclass(slots=True)
class Latest:
    """Comments by id. `lowest`: all from this id on are there; 0 when these are all that the site has."""

    entries: dict[int, Json] = field(default_factory=dict[int, Json])
    lowest: int = 0
    unnamed: list[Json] = field(default_factory=list[Json])  # what has no id cannot be put in order


async def latest(site: Site, last: int, history: int | None) -> Latest:
    """All comments after the id `last`, and those of the last page before it. `history`: at the very beginning, about how many."""
    found, size = Latest(), FEW if history is None else MANY
    offset = 0
    while True:
        page, _ = await site.list("comments", {**EVERYTHING, "per_page": size, "offset": offset})
        entries = {number: entry for entry in page if (number := _number(entry)) is not None}
        if found.entries and entries and max(entries) < min(found.entries):  # some were deleted: this page begins too late
            offset = max(0, offset - size // 2)
            continue
        if found.entries and entries and not entries.keys() - found.entries.keys() and len(page) == size:
            raise Transient("The site answered with a list that has no end.")
        found.entries |= entries
        found.unnamed += [entry for entry in page if _number(entry) is None]
        found.lowest = min(found.entries, default=0)
        if len(page) < size:
            found.lowest = 0
            return found
        if found.lowest <= last or (history is not None and len(found.entries) >= history):
            return found
        offset, size = offset + size - 1, MANY


def _number(entry: Json) -> int | None:
    number = str(entry.get("id", ""))
    return int(number) if number.isdecimal() else None
