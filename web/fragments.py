"""The parts of the inbox that both the page and the socket draw, each a function of what it shows, the language and the clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from inbox.conversations.promised import Promise
from inbox.conversations.rows import Row
from inbox.conversations.surroundings import Waiting
from inbox.conversations.timeline import Entry
from inbox.promptness.wallboard import Board, Load
from inbox.team.presence import Person
from web import render
from web.names import Names


@dataclass(frozen=True, slots=True)
class Frame:
    """What every fragment of a workspace shares."""

    locale: str
    timezone: str
    workspace_id: int
    now: datetime


def row(frame: Frame, row: Row) -> str:
    """A conversation in a list."""
    return render.row(frame.locale, row, frame.now)


def head(frame: Frame, row: Row) -> str:
    """What stands above an open conversation."""
    return render.fragment("inbox/head.html", frame.locale, row=row, now=frame.now, timezone=frame.timezone)


def spoken(frame: Frame, row: Row) -> str:
    """The language that a conversation is held in."""
    return render.fragment("inbox/spoken.html", frame.locale, row=row)


def window(frame: Frame, row: Row) -> str:
    """How long the platform takes answers."""
    return render.fragment("inbox/window.html", frame.locale, row=row, now=frame.now, timezone=frame.timezone)


def answers(frame: Frame, row: Row, waiting: Sequence[Waiting]) -> str:
    """Whom a reply can answer."""
    return render.fragment("inbox/answers.html", frame.locale, row=row, waiting=waiting)


def due(frame: Frame, row: Row, waiting: Sequence[Waiting], promise: Promise | None, names: Names) -> str:
    """When the next answer and the resolution are due, and why."""
    given = {"row": row, "waiting": waiting, "promise": promise, "names": names}
    return render.fragment("inbox/due.html", frame.locale, **given, now=frame.now, timezone=frame.timezone)


def entry(frame: Frame, entry: Entry, names: Names) -> str:
    """One line of a timeline."""
    return render.entry(
        frame.locale,
        entry,
        first_of_day=False,
        timezone=frame.timezone,
        workspace_id=frame.workspace_id,
        names=names,
        now=frame.now,
    )


def here(locale: str, conversation_id: int, people: Sequence[Person], where: str) -> str:
    """Who looks at a conversation, for its row or its pane."""
    return render.fragment("inbox/here.html", locale, conversation_id=conversation_id, people=people, where=where)


def board(frame: Frame, board: Board) -> str:
    """What a wallboard shows to those who may see the same channels."""
    return render.fragment("wallboard/board.html", frame.locale, board=board, now=frame.now, workspace_id=frame.workspace_id)


def board_people(frame: Frame, loads: Sequence[Load]) -> str:
    """Who has how much to answer, on a wallboard."""
    return render.fragment("wallboard/people.html", frame.locale, loads=loads, now=frame.now)
