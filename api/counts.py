"""The numbers behind the views, as pages are told them after each counting."""

import json
from collections.abc import Mapping

from api.watcher import NO_COUNTS, Watcher
from api.wire import Frame, telling
from inbox.conversations.views import View

Owned = tuple[tuple[str, int], ...]  # the counts of personal views, by view
Numbers = frozenset[tuple[str, int]]  # (view, count), never changed: pages with the same numbers share them


class Counts:
    """One counting for readers with the same rights; pages that are told the same get the very same frame."""

    def __init__(self, shared: Mapping[str, int]) -> None:
        self._shared = shared
        self._numbers: dict[tuple[frozenset[View], Owned], Numbers] = {}
        self._frames: dict[tuple[Numbers, Numbers, int | None, int | None], Frame | None] = {}

    def tell(self, watcher: Watcher, mine: Owned, unread: int, alerts: int) -> None:
        """Tell a page what is other than it was told last; views that it chose during the counting come with the next."""
        numbers = self._of(watcher.views, mine)
        news = (unread if unread != watcher.unread else None, alerts if alerts != watcher.alerts else None)
        change = (watcher.counts, numbers, *news)
        if change not in self._frames:
            self._frames[change] = _frame(*change)
        watcher.counts, watcher.unread, watcher.alerts = numbers, unread, alerts
        frame = self._frames[change]
        if frame is not None:
            watcher.tell(frame)

    def _of(self, views: frozenset[View], mine: Owned) -> Numbers:
        key = (views, mine)
        if key not in self._numbers:
            known = [view for view in views if view.key in self._shared]
            own = dict(mine)
            self._numbers[key] = frozenset((view.key, own.get(view.key, self._shared[view.key])) for view in known) or NO_COUNTS
        return self._numbers[key]


def _frame(before: Numbers, now: Numbers, unread: int | None, alerts: int | None) -> Frame | None:
    changed = sorted(now - before)
    ops = [json.dumps({"counts": dict(changed)})] if changed else []
    if unread is not None:
        ops.append(json.dumps({"unread": unread}))
    if alerts is not None:
        ops.append(json.dumps({"alerts": alerts}))
    return telling(ops) if ops else None
