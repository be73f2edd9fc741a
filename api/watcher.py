"""One open page on its socket: who reads it, what it shows, and what it has yet to be told."""

from dataclasses import dataclass, field
from datetime import datetime

from api.wire import Frame, Wire, telling
from inbox.conversations.views import View
from inbox.team.rights import Access

MOST_FRAMES = 1000  # waiting for a slow reader; a page that is further behind reads itself again
MOST_BYTES = 1_000_000
NONE: frozenset[int] = frozenset()
NO_VIEWS: frozenset[View] = frozenset()
NO_COUNTS: frozenset[tuple[str, int]] = frozenset()
REFRESH = Frame('{"refresh":true}')


@dataclass(eq=False, slots=True)
class Watcher:
    """A page. `view` is None for the result of a search, whose rows change but never come and go.

    Its sets are replaced, never changed, so that pages which show the same can share them.
    """

    access: Access
    session_id: int
    member_id: int
    locale: str
    wire: Wire
    channels: frozenset[int] = NONE
    view: View | None = None
    views: frozenset[View] = NO_VIEWS
    rows: frozenset[int] = NONE
    end: tuple[float, float, int] | None = None
    conversation: int | None = None
    here_at: datetime | None = None  # when the reader was last said to be there
    counts: frozenset[tuple[str, int]] = NO_COUNTS
    unread: int | None = None
    alerts: int | None = None
    board: bool = False  # it is a wallboard
    board_told: tuple[str, ...] = ()  # what it shows, as it was told last
    _waiting: list[Frame] = field(default_factory=list[Frame])
    _size: int = 0

    def __post_init__(self) -> None:
        self.wire.on_drain = self._drain

    def tell(self, frame: Frame) -> None:
        """Send a frame, or keep it until the reader takes again; a reader that is too slow is told to read everything again."""
        if not self._waiting and self.wire.write(frame):
            return
        if self._waiting and self._waiting[0] is REFRESH:
            return
        self._waiting.append(frame)
        self._size += len(frame.bytes)
        if frame is REFRESH or len(self._waiting) > MOST_FRAMES or self._size > MOST_BYTES:
            self._waiting = [REFRESH]

    def refresh(self) -> None:
        """Tell the page to read itself again."""
        self.tell(REFRESH)

    def _drain(self) -> None:
        """The reader takes again: everything that waited, in one frame."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        if len(waiting) > 1:
            self.wire.write(telling([op for frame in waiting for op in frame.ops], max(frame.last_id for frame in waiting)))
        elif waiting:
            self.wire.write(waiting[0])
