"""One open page on its socket: who reads it, what it shows, and what it has yet to be told."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from inbox.conversations.views import View
from inbox.team.rights import Access

MOST_OPS = 1000  # waiting for a slow reader; a page that is further behind reads itself again
MOST_BYTES = 1_000_000


@dataclass(eq=False, slots=True)
class Watcher:
    """A page. `view` is None for the result of a search, whose rows change but never come and go."""

    access: Access
    session_id: int
    member_id: int
    locale: str
    send: Callable[[str], Awaitable[None]]
    close: Callable[[int], Awaitable[None]]
    channels: frozenset[int] = frozenset()
    view: View | None = None
    views: tuple[View, ...] = ()
    rows: set[int] = field(default_factory=set[int])
    end: tuple[float, int] | None = None
    conversation: int | None = None
    counts: dict[str, int] = field(default_factory=dict[str, int])
    unread: int | None = None
    _ops: list[str] = field(default_factory=list[str])
    _size: int = 0
    _last_id: int = 0
    _behind: bool = False
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, ops: list[str], last_id: int = 0) -> None:
        """Add operations to the next frame; they are forgotten when the reader is too slow, and it is told to read again."""
        if not ops and not last_id:
            return
        self._ops += ops
        self._size += sum(map(len, ops))
        self._last_id = max(self._last_id, last_id)
        if len(self._ops) > MOST_OPS or self._size > MOST_BYTES:
            self._behind = True
        if self._behind:
            self._ops, self._size = [], 0
        self._wake.set()

    def refresh(self) -> None:
        """Tell the page to read itself again."""
        self._behind = True
        self.tell([], 1)

    async def write(self) -> None:
        """Send frames as fast as the reader takes them, for as long as it is there."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            ops, last_id, behind = self._ops, self._last_id, self._behind
            self._ops, self._size, self._last_id, self._behind = [], 0, 0, False
            if behind:
                await self.send('{"refresh":true}')
            else:
                await self.send(f'{{"id":{last_id},"ops":[{",".join(ops)}]}}')
