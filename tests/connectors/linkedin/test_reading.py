"""A page's comments as a stream, before a fake that behaves as LinkedIn's documents say."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from pydantic import ValidationError
from starlette.responses import Response

from connectors import http
from connectors.linkedin import LinkedIn as Connector
from connectors.linkedin import connector as module
from connectors.linkedin import reading
from connectors.linkedin.config import LinkedInConfig
from connectors.linkedin.place import Place
from inbox.contract import AuthError, ConversationKind, CursorExpired, Event, EventKind, Permanent, RateLimited, Transient
from tests.connectors.linkedin.fake import ANNA, BERND, ENDS, MORNING, REFRESH, SECRET, TOKEN, US, LinkedIn, refusal
from tests.connectors.served import serving


@pytest.fixture
async def linkedin() -> AsyncIterator[LinkedIn]:
    http.allow(["127.0.0.0/8"])
    found = LinkedIn()
    async with serving(found):
        yield found
    http.allow([])


def config(linkedin: LinkedIn, **more: object) -> LinkedInConfig:
    known = {"organization": US, "client_id": "c", "client_secret": SECRET, "api_url": linkedin.address, "token_url": linkedin.address}
    return LinkedInConfig.model_validate({**known, "access_token": TOKEN, **more})


@pytest.fixture
async def connector(linkedin: LinkedIn) -> AsyncIterator[Connector]:
    found = Connector(config(linkedin))
    yield found
    await found.aclose()


class Looker:
    """Looks one after the other, as the stream does."""

    def __init__(self, connector: Connector, cursor: str | None = None, history: int = 50) -> None:
        self.reader = reading.Reader(connector._api, US, Place.read(cursor), history)
        self.cursor = cursor
        self.rejected: list[bytes] = []
        self.passed: dict[str, int] = {}

    async def look(self) -> list[Event]:
        batches = list(await self.reader.look())
        self.cursor, self.passed = batches[-1].cursor, dict(batches[-1].passed_over)
        self.rejected = [one.raw for one in batches[-1].rejected]
        return [event for batch in batches for event in batch.events]

    async def sweep(self) -> list[Event]:
        self.reader._looks = 0
        return await self.look()


async def test_a_comment_begins_a_conversation_and_its_answers_belong_to_it(linkedin: LinkedIn, connector: Connector):
    post = linkedin.post("New bread")
    said = linkedin.say(ANNA, "How long?\nReally & truly", post)
    ours = linkedin.say(US, "A day", said)
    first, second = await Looker(connector).look()
    assert (first.message_id, first.thread_id, first.parent_id) == (said["commentUrn"], said["commentUrn"], None)
    assert (first.text, first.conversation_kind) == ("How long?\nReally & truly", ConversationKind.COMMENTS)
    assert first.post is not None
    assert (first.post.title, first.post.text) == ("Bread", "New bread")
    assert first.post.url == f"https://www.linkedin.com/feed/update/{post['id']}"
    assert first.author is not None
    assert (first.author.id, first.author.name, first.author.is_self) == (ANNA, "LinkedIn member", False)
    assert (second.message_id, second.thread_id, second.parent_id) == (ours["commentUrn"], said["commentUrn"], said["commentUrn"])
    assert second.author is not None
    assert (second.author.is_self, second.author.roles) == (True, ("organization",))
    assert (first.permalink or "").endswith("?commentUrn=urn%3Ali%3Acomment%3A%28urn%3Ali%3Aactivity%3A701%2C7094977717598625002%29")


async def test_who_is_named_and_pictures_come_along(linkedin: LinkedIn, connector: Connector):
    named = {"length": 3, "start": 0, "value": {"com.linkedin.common.CompanyAttributedEntity": {"company": US}}}
    content = [{"type": "IMAGE", "url": "https://media.example/1.jpg", "entity": {"digitalmediaAsset": "urn:li:digitalmediaAsset:1"}}]
    linkedin.say(
        ANNA, "Our Bakery, look", linkedin.post("New"), message={"attributes": [named], "text": "Our Bakery, look"}, content=content
    )
    (event,) = await Looker(connector).look()
    assert event.mentions == (US,)
    assert [file.url for file in event.attachments] == ["https://media.example/1.jpg"]


async def test_only_posts_whose_number_of_comments_changed_are_read(linkedin: LinkedIn, connector: Connector):
    one, two = linkedin.post("One"), linkedin.post("Two")
    linkedin.say(ANNA, "First", one)
    looker = Looker(connector)
    await looker.look()
    linkedin.requests.clear()
    assert await looker.look() == []
    assert len(linkedin.requests) == 2
    linkedin.say(BERND, "Second", two)
    assert [event.text for event in await looker.look()] == ["Second"]
    assert len(linkedin.requests) == 5


async def test_edits_and_deletions_are_found_and_told_once(linkedin: LinkedIn, connector: Connector):
    post = linkedin.post("New")
    first, second = linkedin.say(ANNA, "Whem?", post), linkedin.say(BERND, "Me too", post)
    answer = linkedin.say(US, "Sooon", first)
    looker = Looker(connector)
    await looker.look()
    linkedin.edit(first, "When?")
    linkedin.edit(answer, "Soon")
    linkedin.delete(second)
    events = {event.message_id: event for event in await looker.sweep()}
    assert [(event.kind, event.text) for event in (events[one["commentUrn"]] for one in (first, answer, second))] == [
        (EventKind.EDIT, "When?"),
        (EventKind.EDIT, "Soon"),
        (EventKind.DELETE, ""),
    ]
    assert await looker.sweep() == []


async def test_250_comments_during_downtime_come_in_order_none_lost_none_twice(linkedin: LinkedIn, connector: Connector):
    post = linkedin.post("New")
    linkedin.say(ANNA, "Before", post)
    looker = Looker(connector)
    await looker.look()
    for number in range(250):
        linkedin.say(BERND, f"Meanwhile {number}", post)
    later = Looker(connector, looker.cursor)
    assert [event.text for event in await later.look()] == [f"Meanwhile {number}" for number in range(250)]
    assert await later.look() == []
    again = await Looker(connector, looker.cursor).look()
    assert len({event.id for event in again}) == 250  # a crash before the commit repeats them


async def test_history_ends_where_it_was_asked_to(linkedin: LinkedIn, connector: Connector):
    post = linkedin.post("New")
    for number in range(5):
        linkedin.say(ANNA, f"Old {number}", post)
    some, none = Looker(connector, history=2), Looker(connector, history=0)
    assert [event.text for event in await some.look()] == ["Old 3", "Old 4"]
    assert await some.sweep() == await none.look() == []
    linkedin.say(BERND, "New", post)
    assert [event.text for event in await some.look()] == [event.text for event in await none.look()] == ["New"]


async def test_what_cannot_be_read_is_kept_its_neighbours_come_in_and_nothing_is_taken_for_deleted(
    linkedin: LinkedIn, connector: Connector
):
    post = linkedin.post("New")
    known = linkedin.say(ANNA, "Known", post)
    looker = Looker(connector)
    await looker.look()
    broken = linkedin.say(BERND, "Broken", post)
    linkedin.say(ANNA, "Good", post)
    number, broken["created"]["time"] = broken["created"]["time"], "yesterday"
    known["commentUrn"] = "urn:li:odd:1"
    assert [event.text for event in await looker.look()] == ["Good"]
    raw = next(one for one in looker.rejected if b"yesterday" in one)
    assert connector.reread(raw, MORNING).rejected
    assert [event.text for event in connector.reread(raw.replace(b'"yesterday"', str(number).encode()), MORNING).events] == ["Broken"]
    assert connector.reread(b"[", MORNING).rejected


async def test_a_post_whose_comments_are_turned_off_is_passed_over(linkedin: LinkedIn, connector: Connector):
    post = linkedin.post("Quiet")
    linkedin.trouble[f"GET /socialActions/{post['id']}/comments"] = [refusal(403)]
    linkedin.post("Draft", lifecycleState="DRAFT")
    looker = Looker(connector)
    assert await looker.look() == []
    assert looker.passed == {"a post whose comments cannot be listed": 1}


async def test_looks_are_spread_over_what_is_left_of_the_day(linkedin: LinkedIn, connector: Connector, monkeypatch: pytest.MonkeyPatch):
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(module, "sleep", sleep)
    noon = MORNING.replace(hour=12)
    monkeypatch.setattr(module, "now", lambda: noon)
    linkedin.post("New")
    stream = connector.stream(None)
    for _ in range(3):
        await anext(stream)
    assert all(30 <= pause <= 120 for pause in pauses)
    standing = connector.standing
    assert (standing.quota_limit, standing.token_expires_at) == (2000, ENDS)


async def test_the_last_fifth_is_kept_for_replies(linkedin: LinkedIn):
    connector = Connector(config(linkedin, daily_quota=100))
    at = module.now()
    connector._api.budget.spend(80, at)
    place = Place(start=at, used=80, day=connector._api.budget.day)
    with pytest.raises(RateLimited) as limited:
        await anext(connector.stream(str(place)))
    assert 0 < limited.value.retry_after <= 24 * 3600
    await connector.aclose()


async def test_trouble_upstream_is_passed_on_and_asked_about_once(linkedin: LinkedIn, connector: Connector):
    for response, expected in (
        (Response("<html>", 200), Transient),
        (Response(status_code=500), Transient),
        (refusal(429), RateLimited),
        (refusal(426), Permanent),
        (refusal(403, serviceErrorCode=100), AuthError),
    ):
        linkedin.trouble["GET /posts"] = [response]
        before = linkedin.requests.count("GET /posts")
        with pytest.raises(expected):
            await anext(connector.stream(None))
        assert linkedin.requests.count("GET /posts") == before + 1


async def test_check_tells_the_page_and_what_is_missing(linkedin: LinkedIn, connector: Connector):
    author = await connector.check()
    assert (author.id, author.name, author.handle) == (US, "Our Bakery", "our-bakery")
    linkedin.scope = "r_organization_social"
    with pytest.raises(AuthError, match="w_organization_social"):
        await connector.check()
    linkedin.active = False
    with pytest.raises(AuthError, match="ended"):
        await connector.check()


async def test_access_is_renewed_with_a_refresh_token_and_its_own_end_is_told(linkedin: LinkedIn):
    connector = Connector(config(linkedin, access_token=None, refresh_token=REFRESH))
    await connector.check()
    ends = connector.standing.token_expires_at
    assert ends is not None
    assert timedelta(days=364) < ends - module.now() < timedelta(days=366)
    await connector.aclose()


async def test_a_cursor_that_is_none_begins_anew(connector: Connector):
    for cursor in ("{", "[]", '{"start": 1}'):
        with pytest.raises(CursorExpired):
            await anext(connector.stream(cursor))


def test_settings_that_make_no_sense_are_refused(linkedin: LinkedIn):
    for more in ({"organization": "our-bakery"}, {"access_token": None}, {"version": "latest"}):
        with pytest.raises(ValidationError):
            config(linkedin, **more)
