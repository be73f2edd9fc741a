"""The posts that comments stand under, asked for once: a comment does not say whose its post is."""

from collections.abc import Iterable

from pydantic import ValidationError

from connectors.reddit.api import PAGE, RedditApi
from connectors.reddit.shapes import Link
from connectors.rest import inner, objects

MOST_KNOWN = 500


class Links:
    """Posts by their full names."""

    def __init__(self, api: RedditApi) -> None:
        self._api = api
        self._known: dict[str, Link] = {}

    def know(self, links: Iterable[Link]) -> None:
        self._known |= {link.name: link for link in links}

    async def find(self, names: Iterable[str]) -> None:
        """Ask for those that are not known yet, a hundred at once."""
        missing = [name for name in dict.fromkeys(names) if name and name not in self._known]
        for first in range(0, len(missing), PAGE):
            told = await self._api.get("/api/info", id=",".join(missing[first : first + PAGE]))
            for entry in objects(inner(told, "data", "children")):
                try:
                    self.know([Link.model_validate(entry.get("data"))])
                except ValidationError:
                    continue
        while len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def get(self, name: str) -> Link | None:
        return self._known.get(name)
