"""Feeds of holidays, read by the host from a real server."""

from collections.abc import AsyncIterator

import pytest

from api.deps import House
from connectors import http
from connectors.host import almanacs
from inbox.models import CalendarSource, Role
from inbox.promptness.agreements import almanac, calendars, sources
from inbox.team.rights import Access
from tests.connectors.test_breaches import Watch, place_of
from tests.connectors.test_files import Shelf, answer, shelf
from tests.inbox.promptness.test_agreements import ALWAYS
from tests.make import MONDAY, Make

__all__ = ["shelf"]  # the fixture

PRIVATE = "The address lies in a private network, which this installation does not let channels reach (allow_private_networks)."
OUTING = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:t\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
    b"DTSTART;VALUE=DATE:20260309\r\nSUMMARY:Outing\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


@pytest.fixture
async def client() -> AsyncIterator[http.Client]:
    http.allow(["127.0.0.0/8"])
    client = http.Client("The feed", limit=almanac.LARGEST)
    yield client
    await client.aclose()
    http.allow([])


async def feed(house: House, url: str) -> int:
    async with house.database.transaction() as session:
        workspace = await Make(session).workspace()
        access = Access(workspace.id, Role.SUPERVISOR, "member:1")
        calendar = await calendars.create(session, access, name="Office", definition=ALWAYS, now=MONDAY)
        source = await sources.add_feed(session, access, house.vault, calendar, name="", url=url, opens=False, now=MONDAY)
        return source.id


async def kept(house: House, number: int) -> CalendarSource:
    async with house.database.transaction() as session:
        return await session.get_one(CalendarSource, number)


async def test_a_feed_is_read_over_its_redirects_and_once_a_day(house: House, shelf: Shelf, client: http.Client):
    shelf.put("/a.ics", answer("200 OK", OUTING))
    number = await feed(house, shelf.put("/old.ics", answer("302 Found", location="/a.ics")))
    watch = Watch()
    place = place_of(house, watch)
    assert await almanacs.look(place, client) == 1
    assert await almanacs.look(place, client) == 0
    source = await kept(house, number)
    assert (list(source.days), source.error) == (["2026-03-09"], None)
    watch.now = MONDAY + sources.AGAIN
    assert await almanacs.look(place, client) == 1
    assert shelf.asked == ["/old.ics", "/a.ics"] * 2


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (answer("404 Not Found"), "The feed answered 404."),
        (answer("200 OK", b"hello"), "This is no iCalendar file (.ics): it cannot be read."),
        (answer("302 Found", location="/a.ics"), "The feed redirects without end."),
        (answer("302 Found", location="file:///etc/passwd"), "The address of The feed cannot be used."),
        (answer("302 Found", location="http://x:abc/"), "The connection to The feed broke."),
        (answer("302 Found", location="http://10.0.0.1/a.ics"), PRIVATE),
        (answer("200 OK", b"x" * (almanac.LARGEST + 1)), f"The feed answered with more than {almanac.LARGEST} bytes."),
    ],
)
async def test_a_feed_that_breaks_keeps_its_last_days_and_is_tried_again(
    house: House, shelf: Shelf, client: http.Client, said: bytes, error: str
):
    number = await feed(house, shelf.put("/a.ics", answer("200 OK", OUTING), said))
    watch = Watch()
    place = place_of(house, watch)
    await almanacs.look(place, client)
    watch.now = MONDAY + sources.AGAIN
    await almanacs.look(place, client)
    source = await kept(house, number)
    assert (list(source.days), source.error, source.try_at) == (["2026-03-09"], error, watch.now + sources.RETRY)


async def test_no_feed_reaches_a_private_network(house: House, shelf: Shelf):
    number = await feed(house, shelf.put("/a.ics", answer("200 OK", OUTING)))
    http.allow([])
    client = http.Client("The feed")
    await almanacs.look(place_of(house, Watch()), client)
    await client.aclose()
    source = await kept(house, number)
    assert "private network" in (source.error or "")
    assert (shelf.asked, source.days) == ([], {})


async def test_a_feed_that_nobody_can_understand_takes_no_other_along(
    house: House, shelf: Shelf, client: http.Client, monkeypatch: pytest.MonkeyPatch
):
    def strange(*given: object, **more: object) -> None:
        raise RuntimeError("of some library")

    numbers = [await feed(house, shelf.put(path, answer("200 OK", OUTING))) for path in ("/a.ics", "/b.ics")]
    monkeypatch.setattr(almanac, "read", strange)
    assert await almanacs.look(place_of(house, Watch()), client) == 2
    assert {(await kept(house, number)).error for number in numbers} == {almanacs.STRANGE}
