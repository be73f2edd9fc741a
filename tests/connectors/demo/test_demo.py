"""The demonstration community."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.demo import Cursor, Demo, DemoConfig, customers, history, script
from connectors.demo.town import Clock, Town
from inbox.contract import Ambiguous, Author, Event, Reply
from inbox.promptness import expectations


def test_the_flood_is_140_people_within_20_seconds():
    flood = [step for place in script.PLACES for step in script.scripted(place) if step.thread.startswith("flut")]
    assert len(flood) == 140
    assert max(step.at for step in flood) - min(step.at for step in flood) <= 20


def test_every_step_of_the_script_becomes_an_event_with_an_id_of_its_own():
    events = [
        script.event_of(step, place, now=datetime.now(UTC)) for place in script.PLACES.values() for step in script.scripted(place.slug)
    ]
    assert [id for id, times in Counter(event.id for event in events).items() if times > 1] == []


def test_the_stream_after_the_script_never_ends_and_is_the_same_every_time():
    number = len(script.scripted("mastodon")) + 500
    assert script.Steps("mastodon").at(number) == script.Steps("mastodon").at(number)
    assert script.author_of("mastodon", f"mastodon-{script.Steps('mastodon').at(number).thread}") is not None


async def first_batch(demo: Demo, cursor: str | None = None) -> tuple[list[Event], str | None]:
    async for batch in demo.stream(cursor):
        return list(batch.events), batch.cursor
    raise AssertionError


async def test_a_good_answer_earns_thanks_and_the_author_is_the_one_who_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("connectors.demo.SETTLE_SECONDS", 0)
    demo = Demo(DemoConfig(folder=tmp_path, place="instagram"))
    await demo.send(Reply(key="k1", thread_id="instagram-vegan.de", text="Moin Nora! Ja, komplett vegan. Liebe Grüße"))
    events, cursor = await first_batch(demo)
    (thanks,) = [event for event in events if event.id.endswith("-back")]
    assert thanks.author is not None
    assert (thanks.author.name, thanks.thread_id) == ("Nora Schulz", "instagram-vegan.de")
    assert Cursor.load(cursor).replies == 1


async def test_the_wrong_language_is_not_thanked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("connectors.demo.SETTLE_SECONDS", 0)
    demo = Demo(DemoConfig(folder=tmp_path, place="instagram"))
    await demo.send(Reply(key="k1", thread_id="instagram-gluten.tr", text="Ja, die ist natürlich ohne Weizen!"))
    events, _ = await first_batch(demo)
    assert "Almanca bilmiyorum" in events[-1].text


async def test_the_first_answer_to_the_rumour_times_out_although_it_arrived(tmp_path: Path):
    demo = Demo(DemoConfig(folder=tmp_path, place="facebook"))
    reply = Reply(key="k1", thread_id=f"facebook{script.TIMES_OUT}.de", text="Wir prüfen das gerade.")
    with pytest.raises(Ambiguous):
        await demo.send(reply)
    assert len(Town(tmp_path, "facebook").replies()) == 1


def test_time_stands_still_while_nobody_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clock = Clock(tmp_path)
    clock.tick()
    state = clock._load()
    clock._save(30, 1, state["at"] - 3600)
    assert clock.tick() == 30
    clock._save(30, 4, datetime.now(UTC).timestamp() - 2)
    assert 37.5 < clock.tick() < 45


def test_sixty_days_of_history_lie_in_the_past_in_order_and_were_mostly_answered():
    until = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    told = list(history.events(script.PLACES["instagram"], until=until, team=(Author("team-1", "Aylin"),)))
    assert told == sorted(told, key=lambda event: event.at)
    assert all(until - timedelta(days=61) < event.at < until for event in told)
    asked = sum(event.message_id.endswith("-q") for event in told)
    assert 0.8 < sum(event.message_id.endswith("-a") for event in told) / asked < 1


@pytest.mark.parametrize("text", [text for thanks in customers.THANKS.values() for text in thanks])
def test_no_thanks_of_the_demonstration_expects_an_answer(text: str):
    assert expectations.is_thanks(text)
