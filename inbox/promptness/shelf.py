"""Where a process keeps the waits that it has read: light, so that it can be made at start-up. What lies on it is `keeping`'s."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy comes with the first figure that is asked for
    from inbox.promptness.keeping import Kept

Key = tuple[int, bool]  # workspace; whether the waits that the community answered, instead of those that count


@dataclass(slots=True)
class Shelf:
    """The columns of each workspace, dropped when nobody asks for `idle_seconds` or when they become more than `most` waits."""

    idle_seconds: float = 900
    most: int = 4_000_000  # about 100 bytes each
    kept: dict[Key, "Kept"] = field(default_factory=dict[Key, "Kept"])
    locks: dict[Key, asyncio.Lock] = field(default_factory=dict[Key, asyncio.Lock])
    _timer: asyncio.TimerHandle | None = None

    def put(self, key: Key, kept: "Kept") -> None:
        """Keep these; the ones unused for longest go if there are too many."""
        self.kept.pop(key, None)
        self.kept[key] = kept
        while len(self.kept) > 1 and sum(len(each) for each in self.kept.values()) > self.most:
            self.kept.pop(next(iter(self.kept)))
        if len(kept) > self.most:
            self.kept.pop(key)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.idle_seconds, self._sweep)

    def _sweep(self) -> None:
        """Drop what was not asked for since the last sweep."""
        self.kept = {key: kept for key, kept in self.kept.items() if kept.asked}
        for kept in self.kept.values():
            kept.asked = False
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.idle_seconds, self._sweep) if self.kept else None
