"""Reviews and their answers as events. Pure.

A review's message has the platform's id of the review; our one answer to it is called "reply/ID", whatever its words become.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Any

from pydantic import BeforeValidator

from inbox.contract import Author, ConversationKind, Event, EventKind, Post

MOST_STARS = 5
ANSWER = "reply/"

Language = Annotated[str | None, BeforeValidator(lambda told: told if isinstance(told, str) else None)]  # no review is lost for it


@dataclass(frozen=True, slots=True)
class Answer:
    """The one public answer of the business. `failure`: why the platform does not show it."""

    text: str
    at: datetime
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """`at`: of these words, by which the platform's list is ordered too."""

    id: str
    words: str
    at: datetime
    author: Author
    post: Post
    answer: Answer | None = None
    permalink: str | None = None
    raw: Mapping[str, Any] | None = None
    language: str | None = None

    @property
    def state(self) -> str:
        """What a look compares: when, the words, the answer, and whether it failed."""
        answer = self.answer
        parts = (digest(self.words), digest(answer.text) if answer else "", digest(answer.failure) if answer and answer.failure else "")
        return f"{int(self.at.timestamp())}|{'|'.join(parts)}"


def words(stars: int | None, *parts: str, details: str = "") -> str:
    """The stars, what was written, and what the platform adds, as a person reads them."""
    shown = "★" * min(stars, MOST_STARS) + "☆" * (MOST_STARS - stars) if stars else ""
    first, *more = [part for part in parts if part.strip()] or [""]
    return "\n\n".join(part for part in (f"{shown} {first}" if shown and first else shown or first, *more, details) if part)


def answer_name(review_id: str) -> str:
    return f"{ANSWER}{review_id}"


def answered(message_id: str) -> str | None:
    """Which review an answer of ours is about; None when it is no answer."""
    return message_id.removeprefix(ANSWER) if message_id.startswith(ANSWER) else None


def events(review: Review, before: str | None, us: Author, now: datetime) -> list[Event]:
    """What happened to a review since its state was `before`; None: everything is new."""
    _, was_words, was_answer, was_failure = before.split("|") if before else ("", "", "", "")
    _, is_words, is_answer, is_failure = review.state.split("|")
    found: list[Event] = []
    if before is None:
        found.append(_said(review, EventKind.MESSAGE, review.id))
    elif was_words != is_words:
        found.append(_said(review, EventKind.EDIT, f"edit:{review.id}:{review.state}"))
    name = answer_name(review.id)
    if review.answer and is_answer != was_answer:
        found.append(_answer(review, review.answer, us, EventKind.EDIT if was_answer else EventKind.MESSAGE))
    elif was_answer and not is_answer:
        found.append(Event(f"delete:{name}", EventKind.DELETE, name, review.id, now))
    if is_failure and is_failure != was_failure and review.answer:
        event_id = f"failed:{name}:{is_answer}:{is_failure}"
        found.append(Event(event_id, EventKind.DELIVERY, name, review.id, review.answer.at, us, review.answer.failure))
    return found


def deletion(review_id: str, now: datetime) -> Event:
    """A review that is gone. Nobody tells when."""
    return Event(f"delete:{review_id}", EventKind.DELETE, review_id, review_id, now)


def _said(review: Review, kind: EventKind, event_id: str) -> Event:
    return Event(
        id=event_id,
        kind=kind,
        message_id=review.id,
        thread_id=review.id,
        at=review.at,
        author=review.author,
        text=review.words,
        post=review.post,
        conversation_kind=ConversationKind.REVIEW,
        permalink=review.permalink,
        raw=review.raw,
        language=review.language,
    )


def _answer(review: Review, answer: Answer, us: Author, kind: EventKind) -> Event:
    name = answer_name(review.id)
    return Event(
        id=name if kind is EventKind.MESSAGE else f"edit:{name}:{answer.at.isoformat()}:{digest(answer.text)}",
        kind=kind,
        message_id=name,
        thread_id=review.id,
        at=answer.at,
        author=us,
        text=answer.text,
        parent_id=review.id,
        post=review.post,
        conversation_kind=ConversationKind.REVIEW,
        permalink=review.permalink,
    )


def digest(text: str) -> str:
    return blake2b(text.encode(errors="replace"), digest_size=6).hexdigest()
