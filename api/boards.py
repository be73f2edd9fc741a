"""Wallboards: drawn once for each language and set of channels, and told only what is other than what they show."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from api.watcher import Watcher
from api.wire import telling
from inbox.models import Workspace
from inbox.promptness import wallboard
from inbox.promptness.question import MemberFigures
from inbox.promptness.wallboard import Moment
from web import fragments

PARTS = ("board", "board-people")  # the elements of the page


class Drawing:
    """One moment of a workspace, for everybody who looks at it."""

    def __init__(self, moment: Moment, workspace_id: int, timezone: str, figures: MemberFigures) -> None:
        self.moment = moment
        self._figures: MemberFigures = figures
        self._workspace_id, self._timezone = workspace_id, timezone
        self._boards: dict[tuple[str, frozenset[int]], str] = {}
        self._people: dict[tuple[str, frozenset[int], int | None], str] = {}

    def parts(self, locale: str, channels: frozenset[int], member_id: int | None) -> tuple[str, str]:
        """The board, and who has how much to answer."""
        frame = fragments.Frame(locale, self._timezone, self._workspace_id, self.moment.now)
        key, own = (locale, channels), (locale, channels, member_id if self._figures == "own" else None)
        if key not in self._boards:
            self._boards[key] = fragments.board(frame, wallboard.board(self.moment, channels))
        if own not in self._people:
            self._people[own] = fragments.board_people(frame, wallboard.loads(self.moment, channels, self._figures, member_id))
        return self._boards[key], self._people[own]


async def draw(session: AsyncSession, workspace_id: int, *, figures: MemberFigures, now: datetime) -> Drawing:
    """Read the moment, to be drawn."""
    workspace = await session.get(Workspace, workspace_id)
    timezone = workspace.timezone if workspace else "UTC"
    return Drawing(await wallboard.gather(session, workspace_id, timezone, now=now), workspace_id, timezone, figures)


async def tell(session: AsyncSession, workspace_id: int, watchers: Sequence[Watcher], *, figures: MemberFigures, now: datetime) -> None:
    """Tell each open wallboard what has changed on it."""
    drawing = await draw(session, workspace_id, figures=figures, now=now)
    for watcher in watchers:
        if figures == "named" and not watcher.board_told:  # a socket can be opened without the page, which notes its own looks
            wallboard.record_look(session, watcher.access, drawing.moment)
        parts = drawing.parts(watcher.locale, watcher.channels, watcher.member_id)
        told = watcher.board_told or ("",) * len(PARTS)
        ops = [
            json.dumps({"put": name, "html": html}, ensure_ascii=False)
            for name, html, before in zip(PARTS, parts, told, strict=True)
            if html != before
        ]
        watcher.board_told = parts
        if ops:
            watcher.tell(telling(ops))


def of_presence(payload: str, watchers: Mapping[int, set[Watcher]]) -> set[int]:
    """The workspace in which somebody came or went, if it has a wallboard open; a wake-up's payload is "workspace conversation"."""
    number = payload.partition(" ")[0]
    workspace_id = int(number) if number.isdecimal() else 0
    return {workspace_id} if any(one.board for one in watchers.get(workspace_id, ())) else set()
