"""The demonstration's other side, kept in a folder: the team's replies, what was typed as a customer, and the time of day there."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from inbox.contract import Reply

AWAY_SECONDS = 5.0  # nobody looked at the clock for so long: the server was down, and the town slept too


@dataclass(slots=True)
class Post:
    """Something that stands on the demonstration platform."""

    id: str
    thread: str
    text: str
    at: datetime
    parent: str | None = None
    author: str | None = None  # an id of `people`; None: the team
    to: str | None = None  # whom a reply answers
    key: str = ""
    first_of_thread: bool = False
    automatic: bool = False  # nobody of the team wrote it


LINE = TypeAdapter(Post)


class Town:
    """One channel's files, each a line for a post or an action, only ever appended to."""

    def __init__(self, folder: Path, place: str) -> None:
        self.folder = folder
        self._replies = folder / f"{place}.replies.jsonl"
        self._typed = folder / f"{place}.typed.jsonl"
        self._acts = folder / f"{place}.acts.jsonl"

    def replies(self) -> list[Post]:
        """What the team delivered, in order; a reply delivered twice stands here once for each time."""
        return _read(self._replies)

    def typed(self) -> list[Post]:
        return _read(self._typed)

    def reactions(self, thread: str, *, before: int) -> int:
        """How many of the first `before` replies went into this thread."""
        return sum(post.thread == thread and not post.automatic for post in self.replies()[:before])

    def deliver(self, reply: Reply) -> Post:
        """Accept a reply of the team."""
        delivered = self.replies()
        post = Post(
            id=f"reply-{len(delivered) + 1}-{reply.key[:12]}",
            thread=reply.thread_id,
            text=reply.text,
            at=datetime.now(UTC),
            parent=reply.parent_id,
            to=reply.recipient,
            key=reply.key,
            first_of_thread=all(post.thread != reply.thread_id for post in delivered),
            automatic=not reply.human,
        )
        _append(self._replies, post)
        return post

    def note(self, action: str, message_id: str, text: str) -> None:
        """Remember what the team did to a message."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._acts.open("a") as file:
            file.write(json.dumps({"action": action, "message": message_id, "text": text, "at": datetime.now(UTC).isoformat()}) + "\n")

    def type(self, post: Post) -> None:
        """Say something as a customer."""
        _append(self._typed, post)


class Clock:
    """The town's own seconds: they run only while Parley does, at 1× or 4×, or not at all."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "clock.json"

    def tick(self) -> float:
        """Seconds since the demonstration began."""
        state, now = self._load(), datetime.now(UTC).timestamp()
        gone = now - state["at"]
        elapsed: float = state["elapsed"] + (0 if gone > AWAY_SECONDS else gone * state["speed"])
        if gone > 1:
            self._save(elapsed, state["speed"], now)
        return elapsed

    def speed(self) -> float:
        """How fast time goes: 0 stands still."""
        return self._load()["speed"]

    def set_speed(self, speed: float) -> None:
        """0 pauses, 1 is real time, 4 is four times as fast."""
        self._save(self.tick(), speed, datetime.now(UTC).timestamp())

    def seconds_since(self, moment: datetime) -> float:
        """The town's seconds since a real moment, at the present speed."""
        return (datetime.now(UTC) - moment).total_seconds() * (self.speed() or 0)

    def _load(self) -> dict[str, float]:
        try:
            return json.loads(self._path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            self._save(0, 1, datetime.now(UTC).timestamp())
            return json.loads(self._path.read_text())

    def _save(self, elapsed: float, speed: float, at: float) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name(f"clock.{os.getpid()}.{id(self)}.new")
        new.write_text(json.dumps({"elapsed": elapsed, "speed": speed, "at": at}))
        new.replace(self._path)


def _read(path: Path) -> list[Post]:
    if not path.exists():
        return []
    return [LINE.validate_json(line) for line in path.read_bytes().splitlines() if line.endswith(b"}")]


def _append(path: Path, post: Post) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(LINE.dump_json(post) + b"\n")
