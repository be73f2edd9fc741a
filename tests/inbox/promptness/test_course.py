"""The episodes of a conversation, from what was asked, done and answered."""

from datetime import datetime, timedelta

import pytest

from inbox.models import Priority, Status
from inbox.promptness.course import Asked, Chapter, Moved, tell, together
from tests.make import MONDAY

WEEK = timedelta(days=7)


def minutes(number: float) -> datetime:
    return MONDAY + timedelta(minutes=number)


def asked(at: float, *, late: float = 0) -> Asked:
    return Asked(minutes(at), minutes(at + late))


def told(questions: list[Asked], moves: list[tuple[float, Status]], replies: list[float] | None = None) -> list[Chapter]:
    return tell(
        questions, [Moved(minutes(at), status, 3, 4, Priority.HIGH) for at, status in moves], map(minutes, replies or ()), episode=WEEK
    )


def lengths(chapter: Chapter) -> tuple[float | None, float | None]:
    """Minutes until it was resolved first, and last."""
    first, last = (at and (at - chapter.began_at).total_seconds() / 60 for at in (chapter.first_resolved_at, chapter.resolved_at))
    return first, last


def test_a_conversation_in_which_nobody_asked_anything_has_no_episode():
    assert told([], [(5, Status.RESOLVED)], [1]) == []


def test_an_episode_lasts_from_the_question_to_the_resolution_and_knows_whose_it_was_then():
    (chapter,) = told([asked(0, late=1)], [(30, Status.RESOLVED)], [10])
    assert (lengths(chapter), chapter.reopened_count, chapter.replies_count) == ((30, 30), 0, 1)
    assert (chapter.received_at, chapter.assignee_id, chapter.team_id, chapter.priority) == (minutes(1), 3, 4, Priority.HIGH)


def test_what_the_team_said_before_anybody_asked_is_no_answer():
    (chapter,) = told([asked(20)], [(30, Status.RESOLVED)], [0, 25])
    assert (chapter.began_at, chapter.replies_count) == (minutes(20), 1)


def test_a_customer_who_comes_back_within_the_days_reopens_the_episode():
    (chapter,) = told([asked(0), asked(100)], [(30, Status.RESOLVED), (100, Status.OPEN), (130, Status.RESOLVED)], [10, 110])
    assert (lengths(chapter), chapter.reopened_count, chapter.replies_count) == ((30, 130), 1, 2)
    assert chapter.pauses == [(minutes(30), minutes(100))], "what is resolved rests"
    (chapter,) = told([asked(0), asked(100)], [(30, Status.RESOLVED), (100, Status.OPEN)])
    assert (lengths(chapter), chapter.assignee_id, chapter.resting_since) == ((30, None), None, None)


@pytest.mark.parametrize(
    ("days", "episodes"),
    [(6.9, 1), (7, 1), (7.1, 2)],  # more than seven days after the resolution it is another matter
)
def test_a_customer_who_comes_back_later_begins_another_episode(days: float, episodes: int):
    back = 30 + days * 24 * 60
    chapters = told([asked(0), asked(back)], [(30, Status.RESOLVED), (back, Status.OPEN), (back + 9, Status.RESOLVED)], [back + 1])
    assert len(chapters) == episodes
    assert sum(chapter.reopened_count for chapter in chapters) == 2 - episodes
    assert chapters[-1].resolved_at == minutes(back + 9)
    assert chapters[-1].replies_count == 1


def test_days_count_from_the_last_resolution_and_by_the_platforms_time_of_the_question():
    day = 24 * 60
    moves = [(30, Status.RESOLVED), (5 * day, Status.OPEN), (6 * day, Status.RESOLVED), (14 * day, Status.OPEN)]
    assert len(told([asked(0), asked(5 * day), asked(12 * day, late=2 * day)], moves)) == 1, "asked in time, though it came late"
    assert len(told([asked(0), asked(5 * day), asked(14 * day)], moves)) == 2


def test_a_person_who_opens_a_conversation_again_reopens_its_episode_however_late():
    (chapter,) = told([asked(0)], [(30, Status.RESOLVED), (30 * 24 * 60, Status.OPEN)])
    assert (chapter.reopened_count, chapter.resolved_at) == (1, None)


def test_pending_and_snoozed_pause_to_the_second():
    moves = [(10, Status.PENDING), (25.5, Status.SNOOZED), (40, Status.OPEN), (60, Status.PENDING), (61, Status.RESOLVED)]
    (chapter,) = told([asked(0)], moves)
    assert chapter.pauses == [(minutes(10), minutes(25.5)), (minutes(25.5), minutes(40)), (minutes(60), minutes(61))]
    assert (chapter.paused_seconds, chapter.paused_since) == (31 * 60, None)
    (chapter,) = told([asked(0)], moves[:1])
    assert (chapter.paused_seconds, chapter.paused_since) == (0, minutes(10))


def test_a_question_in_a_conversation_that_sleeps_counts_from_the_platforms_time_and_what_it_wakes_does_not_pause():
    (chapter,) = told([asked(0, late=2)], [(-60, Status.SNOOZED), (2, Status.OPEN)])
    assert (chapter.began_at, chapter.pauses) == (MONDAY, [])


def test_spam_is_no_resolution_and_what_comes_back_from_it_goes_on():
    (chapter,) = told([asked(0)], [(30, Status.SPAM)])
    assert (chapter.status, chapter.resolved_at, chapter.first_resolved_at) == (Status.SPAM, None, None)
    (chapter,) = told([asked(0)], [(30, Status.SPAM), (40, Status.OPEN), (50, Status.RESOLVED)])
    assert (lengths(chapter), chapter.reopened_count, chapter.paused_seconds) == ((50, 50), 0, 0)


def test_what_was_asked_before_and_came_late_lets_the_episode_begin_earlier():
    (chapter,) = told([asked(10), asked(5, late=20)], [(40, Status.RESOLVED)])
    assert (chapter.began_at, lengths(chapter)) == (minutes(5), (35, 35))


def test_moves_count_in_the_order_in_which_they_were_made_though_the_machines_clocks_differ():
    (chapter,) = told([asked(0)], [(30, Status.PENDING), (29, Status.RESOLVED)])
    assert (chapter.status, chapter.resolved_at, chapter.paused_seconds) == (Status.RESOLVED, minutes(30), 0)


def test_a_clock_that_was_put_back_before_two_conversations_became_one_is_no_riddle():
    never = minutes(10**6)
    other = ([Moved(minutes(50), Status.RESOLVED)], minutes(60), minutes(30))  # went into the first one "before" it began
    assert together([([Moved(minutes(40), Status.PENDING)], minutes(0), never), other]) == [Moved(minutes(40), Status.PENDING)]
