"""Files and feeds that tell calendars their holidays, day after day."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.errors import Conflict, Forbidden, Invalid
from inbox.models import Calendar, CalendarSource, CalendarVersion, Role
from inbox.promptness import targets
from inbox.promptness.agreements import calendars, policies, preview, sources
from inbox.promptness.agreements.policies import Draft
from inbox.secrets import Vault
from inbox.team import rights
from inbox.team.rights import Access
from tests.inbox.conversations.test_receive import channel, everything, said, take
from tests.inbox.promptness.test_agreements import ALWAYS, DAYS, due
from tests.inbox.promptness.test_waits import minutes
from tests.make import MONDAY, Make

__all__ = ["channel"]  # the fixture

OFFICE = {"tz": "UTC", "hours": {day: [["09:00", "17:00"]] for day in DAYS}, "dates": {"2026-03-05": [["10:00", "12:00"]]}}
TUESDAY, WEDNESDAY, THURSDAY = "2026-03-03", "2026-03-04", "2026-03-05"
VAULT = Vault("test")
URL = "https://example.org/secret/a.ics"


def closed(*days: str, name: str = "Outing") -> dict[str, Any]:
    return {day: {"spans": [], "name": name} for day in days}


@pytest.fixture
async def access(session: AsyncSession, make: Make) -> Access:
    return rights.of(await make.member(await make.workspace(), role=Role.SUPERVISOR))


@pytest.fixture
async def office(session: AsyncSession, access: Access) -> Calendar:
    return await calendars.create(session, access, name="Office", definition=OFFICE, now=MONDAY)


async def told(session: AsyncSession, calendar: Calendar) -> dict[str, Any]:
    return (await calendars.last(session, calendar)).definition["dates"]


async def feed(session: AsyncSession, access: Access, office: Calendar) -> CalendarSource:
    return await sources.add_feed(session, access, VAULT, office, name="", url=URL, opens=False, now=MONDAY)


async def test_a_files_days_count_from_now_on_and_what_people_wrote_counts_first(session: AsyncSession, access: Access, office: Calendar):
    days = closed(WEDNESDAY, THURSDAY)
    await sources.add_file(session, access, office, name="Outings", days=days, opens=False, now=minutes(5))
    newest, first = [one.version for one in await calendars.versions(session, office)]
    assert newest.definition["dates"] == {WEDNESDAY: [], THURSDAY: [["10:00", "12:00"]]}
    assert (newest.valid_from, newest.sourced, newest.definition["names"]) == (minutes(5), [WEDNESDAY], {WEDNESDAY: "Outing"})
    assert WEDNESDAY not in first.definition["dates"]
    versions = (await targets.versions(session, {office.id}))[office.id]
    assert [day.name for day in preview.days(versions, date(2026, 3, 3), 3)] == ["", "Outing", ""]
    assert (await calendars.own(session, office)) == {**OFFICE, "names": {}}


async def test_who_changes_the_hours_keeps_the_days_of_files(session: AsyncSession, access: Access, office: Calendar):
    await sources.add_file(session, access, office, name="Outings", days=closed(WEDNESDAY), opens=False, now=minutes(5))
    await calendars.change(session, access, office, definition=ALWAYS, now=minutes(6))
    assert await told(session, office) == {WEDNESDAY: []}
    (source,) = await calendars.sources(session, office)
    await sources.remove(session, access, office, source, now=minutes(7))
    assert await told(session, office) == {}


async def test_a_feed_is_read_by_one_process_and_again_the_next_day(session: AsyncSession, access: Access, office: Calendar):
    source = await feed(session, access, office)
    assert (source.host, source.name) == ("example.org", "example.org")
    assert "secret" not in (source.secret_url or "")
    (claimed,) = await sources.claim(session, MONDAY, limit=5)
    assert VAULT.decrypt(claimed.source.secret_url or "") == URL
    assert await sources.claim(session, MONDAY, limit=5) == []
    assert len(await sources.claim(session, MONDAY + sources.LEASE, limit=5)) == 1, "the process that took it has died"
    assert await sources.keep(session, source.id, closed(WEDNESDAY), now=minutes(1))
    assert await told(session, office) == {WEDNESDAY: [], THURSDAY: [["10:00", "12:00"]]}
    assert source.try_at == minutes(1) + timedelta(days=1)


async def test_a_feed_that_says_the_same_makes_no_version_and_one_that_changes_makes_one(
    session: AsyncSession, access: Access, office: Calendar
):
    source = await feed(session, access, office)
    assert await sources.keep(session, source.id, closed(TUESDAY, WEDNESDAY), now=minutes(1))
    assert not await sources.keep(session, source.id, closed(TUESDAY, WEDNESDAY), now=minutes(2))
    assert len(await everything(session, CalendarVersion)) == 2
    later = datetime.fromisoformat(f"{WEDNESDAY}T08:00:00+00:00")
    assert not await sources.keep(session, source.id, closed(WEDNESDAY), now=later), "that Tuesday is over is no news"
    assert await sources.keep(session, source.id, closed(), now=later)
    newest, before, _ = [one.version for one in await calendars.versions(session, office)]
    assert (newest.valid_from, sorted(newest.definition["dates"])) == (later, [TUESDAY, THURSDAY])
    assert sorted(before.definition["dates"]) == [TUESDAY, WEDNESDAY, THURSDAY], "what was said stays"


async def test_a_broken_feed_keeps_the_last_good_days_and_says_so(session: AsyncSession, access: Access, office: Calendar):
    source = await feed(session, access, office)
    await sources.keep(session, source.id, closed(WEDNESDAY), now=minutes(1))
    await sources.fail(session, source.id, "The feed answered 404.", now=minutes(2))
    assert (source.error, source.try_at, WEDNESDAY in source.days) == ("The feed answered 404.", minutes(2) + sources.RETRY, True)
    assert await told(session, office) == {WEDNESDAY: [], THURSDAY: [["10:00", "12:00"]]}
    await sources.keep(session, source.id, closed(WEDNESDAY), now=minutes(3))
    assert source.error is None


async def test_what_is_planned_follows_a_feed_too(session: AsyncSession, access: Access, office: Calendar):
    source = await feed(session, access, office)
    await calendars.change(session, access, office, definition=ALWAYS, valid_from=minutes(600), now=MONDAY)
    await sources.keep(session, source.id, closed(WEDNESDAY), now=minutes(1))
    said_then = [
        (one.version.valid_from, WEDNESDAY in one.version.definition["dates"]) for one in await calendars.versions(session, office)
    ]
    assert said_then == [(minutes(600), True), (minutes(1), True), (None, False)]


async def test_who_waits_is_due_later_when_a_feed_closes_the_day(session: AsyncSession, channel: Any, make: Make):
    access = Access(channel.workspace_id, Role.SUPERVISOR, "member:1")
    office = await calendars.create(session, access, name="Office", definition=OFFICE, now=MONDAY)
    nine_hours = Draft("Usual", {"first": {"normal": 9 * 3600}}, {}, office.id)
    await policies.create(session, access, nine_hours, now=MONDAY)
    await take(session, channel, said("Hi?"))
    assert await due(session) == datetime.fromisoformat(f"{TUESDAY}T10:00:00+00:00")
    source = await feed(session, access, office)
    await sources.keep(session, source.id, closed(TUESDAY), now=minutes(1))
    assert await due(session) == datetime.fromisoformat(f"{WEDNESDAY}T10:00:00+00:00")


async def test_a_feed_that_would_close_for_ever_is_refused(session: AsyncSession, access: Access):
    fair = {"tz": "UTC", "dates": {"2026-03-05": [["10:00", "12:00"]]}}
    calendar = await calendars.create(session, access, name="Fair", definition=fair, now=MONDAY)
    later = datetime(2026, 3, 6, tzinfo=MONDAY.tzinfo)
    source = await feed(session, access, calendar)
    with pytest.raises(Invalid, match="never open"):
        await sources.keep(session, source.id, closed("2026-03-09"), now=later)


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "ftp://example.org/a", "https://", "https://[", "javascript:alert(1)", "https://e.org/" + "a" * 2000]
)
async def test_only_addresses_of_the_web_are_read(session: AsyncSession, access: Access, office: Calendar, url: str):
    with pytest.raises(Invalid, match="https://"):
        await sources.add_feed(session, access, VAULT, office, name="A", url=url, opens=False, now=MONDAY)


async def test_files_and_feeds_are_for_supervisors_and_not_without_number(
    session: AsyncSession, access: Access, office: Calendar, monkeypatch: pytest.MonkeyPatch
):
    source = await feed(session, access, office)
    agent = Access(access.workspace_id, Role.AGENT, "member:9", 9)
    for attempt in (
        sources.add_file(session, agent, office, name="A", days={}, opens=False, now=MONDAY),
        sources.add_feed(session, agent, VAULT, office, name="A", url=URL, opens=False, now=MONDAY),
        sources.remove(session, agent, office, source, now=MONDAY),
        sources.read_again(session, agent, source, now=MONDAY),
    ):
        with pytest.raises(Forbidden):
            await attempt
    monkeypatch.setattr(sources, "MOST", 1)
    with pytest.raises(Conflict):
        await feed(session, access, office)


async def test_the_preview_marks_the_day_on_which_the_clocks_change_and_shows_each_moment_by_what_is_valid_then(
    session: AsyncSession, access: Access
):
    night = {"tz": "Europe/Berlin", "hours": {day: [["00:00", "24:00"]] for day in DAYS}, "holidays": ["DE"]}
    calendar = await calendars.create(session, access, name="Night", definition=night, now=MONDAY)
    start = datetime.fromisoformat("2026-03-30T12:00:00+02:00")
    await calendars.change(
        session, access, calendar, definition={**night, "hours": {"tue": [["08:00", "09:00"]]}}, valid_from=start, now=MONDAY
    )
    versions = (await targets.versions(session, {calendar.id}))[calendar.id]
    days = preview.days(versions, date(2026, 3, 28), 7, language="de")
    assert [day.seconds / 3600 for day in days] == [24, 23, 12, 1, 0, 0, 0]
    assert [day.clock_minutes for day in days] == [0, 60, 0, 0, 0, 0, 0]
    assert (days[6].name, days[6].is_special) == ("Karfreitag", True)
