"""Payloads that no platform should push, and some day one will: none is an exception, and none takes its neighbours along.

Every value of what is pushed, or told by an open connection, is left out, or replaced with some of the hostile ones; then several at
once. The signatures fit: it is the platform that says this. Other tests see that nobody else is heard.
"""

import copy
import hmac
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

import connectors
from connectors.conformance import Said
from connectors.discourse import Discourse
from connectors.discourse.config import DiscourseConfig
from connectors.linkedin import LinkedIn
from connectors.linkedin.config import LinkedInConfig
from connectors.mastodon import reading as mastodon_reading
from connectors.tiktok import TikTok
from connectors.tiktok.config import TikTokConfig
from connectors.x import X
from connectors.x.config import XConfig
from inbox.contract import Event, Request
from tests.connectors import heard
from tests.connectors.adapters import ADAPTERS
from tests.connectors.discourse import test_discourse as discourse
from tests.connectors.heard import Heard
from tests.connectors.linkedin import test_webhook as linkedin
from tests.connectors.slack import test_events as slack
from tests.connectors.telegram import test_polling as telegram
from tests.connectors.tiktok import test_webhook as tiktok
from tests.connectors.twitch import test_twitch as twitch
from tests.connectors.x import test_webhook as x

Pathway = tuple[str | int, ...]
MISSING: Any = object()
HOSTILE: tuple[Any, ...] = (
    MISSING, None, True, 0, -1, 10**30, 10**400, 1e308, float("nan"), "", "x", "\ud800", "\x00", "\u202e🏴\u200d☠️", "9" * 5000,
    "2026-13-45T99:99:99Z", [], [None], [[]], ["x"], {}, {"x": None}, {"": {}},
)  # fmt: skip
FIRST, SECOND = "The first one says this", "The second one says that"
BY_ADAPTER = ("facebook", "github", "instagram", "line", "slack", "threads", "webhook", "whatsapp")
BY_HAND = ("discourse", "linkedin", "telegram", "tiktok", "twitch", "x")
BY_EAR = ("bluesky", "discord", "mastodon")
AT_MOST = 8  # places of one recorded payload: there are many of them
SAMPLES = Path(__file__).parents[3] / "shared" / "samples"


@dataclass(frozen=True)
class Push:
    """Something that a platform pushes, and the request that brings it."""

    connector: Any
    payload: Any
    request: Callable[[Any], Request]

    def take(self, payload: Any) -> list[Event]:
        response, batches = self.connector.webhook(self.request(payload))
        told_why = self.connector.name == "webhook" and response.status in {400, 422}  # its platform is somebody's own program: it is told
        assert response.status < 300 or told_why
        return [event for batch in batches.values() for event in batch.events]


def body(payload: Any) -> bytes:
    return json.dumps(payload).encode()


async def by_its_adapter(name: str, patch: pytest.MonkeyPatch, folder: Path) -> list[Push]:
    """What a connector's adapter pushes to tell of two messages. From now on every signature fits."""
    (adapter,) = (adapter for adapter in ADAPTERS if adapter.name == name)
    kind: Any = connectors.find(name)
    seen: list[Push] = []
    way = kind.webhook

    def recording(connector: Any, request: Request) -> Any:
        seen.append(Push(connector, json.loads(request.body), lambda payload: replace(request, body=body(payload))))
        return way(connector, request)

    with pytest.MonkeyPatch.context() as context:
        context.setattr(kind, "webhook", recording)
        await adapter.arrive(kind(kind.Config.model_validate(adapter.config(folder))), [Said("m1", FIRST), Said("m2", SECOND, seconds=1)])
    patch.setattr(hmac, "compare_digest", lambda *_: True)
    return seen


def by_hand(name: str) -> list[Push]:
    """What those push whose adapters tell by another way."""
    match name:
        case "discourse":
            connector = Discourse(DiscourseConfig.model_validate(discourse.settings("http://127.0.0.1:9")))
            post = discourse.Forum().say(FIRST)
            told = {"post_created": {"post": post}, "post_liked": {"like": {"post": post, "user": {"id": 5, "username": "bernd"}}}}
            return [Push(connector, payload, partial(discourse.call, event)) for event, payload in told.items()]
        case "linkedin":
            known = {"organization": linkedin.US, "client_id": "c", "client_secret": linkedin.SECRET, "access_token": linkedin.TOKEN}
            both = {"notifications": [linkedin.notification(), linkedin.notification()]}
            for words, one in zip((FIRST, SECOND), both["notifications"], strict=True):
                one["decoratedGeneratedActivity"]["comment"]["text"] = words
            payload = json.loads(linkedin.pushed()) | both
            return [Push(LinkedIn(LinkedInConfig.model_validate(known)), payload, lambda told: linkedin.request(body(told)))]
        case "telegram":
            payload = json.loads(telegram.update())
            edited = {"update_id": 502, "edited_message": {**payload["message"], "edit_date": payload["message"]["date"]}}
            connector = telegram.make(webhook_secret=telegram.SECRET)
            return [Push(connector, one, lambda told: telegram.pushed(body(told))) for one in (payload, edited)]
        case "tiktok":
            known = {"app_id": "app", "app_secret": tiktok.SECRET, "business_id": tiktok.US, "refresh_token": tiktok.REFRESH}
            connector = TikTok(TikTokConfig.model_validate(known))
            inner = {"comment.update": tiktok.comment(), "im_receive_msg": tiktok.direct()}
            around = json.loads(tiktok.pushed("comment.update", tiktok.comment()))
            return [
                Push(connector, around, lambda told: tiktok.request(body(told))),
                *(Push(connector, told, partial(tiktok_inside, event)) for event, told in inner.items()),
            ]
        case "twitch":
            payload = json.loads(twitch.a_body(twitch.said(twitch.ANNA, FIRST, "m1")))
            return [Push(twitch.hooked(), payload, lambda told: twitch.a_request(body(told)))]
        case _:
            known = {"consumer_key": x.KEY, "consumer_secret": x.SECRET, "access_token": x.TOKEN, "access_token_secret": x.TOKEN_SECRET}
            connector = X(XConfig.model_validate(known))
            users = {"users": [{"id": "11", "name": "Anna", "username": "anna"}]}
            told = (x.activity("post.mention.create", x.POST, includes=users), x.activity("dm.received", x.DIRECT))
            return [Push(connector, json.loads(one), lambda payload: x.pushed(body(payload))) for one in told]


def tiktok_inside(event: str, content: Any) -> Request:
    """What TikTok pushes is JSON inside of JSON."""
    return tiktok.request(tiktok.pushed(event, content))


@pytest.fixture(params=(*BY_ADAPTER, *BY_HAND, *BY_EAR))
async def pushes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sequence[Push | Heard]:
    found: Sequence[Push | Heard] = ()
    if request.param in BY_EAR:
        monkeypatch.setattr(mastodon_reading, "BREATH", 0.0)
        found = heard.of(request.param, FIRST, SECOND)
    elif request.param in BY_HAND:
        found = by_hand(request.param)
    else:
        found = await by_its_adapter(request.param, monkeypatch, tmp_path)
    assert any(push.take(push.payload) for push in found)
    return found


def paths(value: Any, at: Pathway = ()) -> Iterator[Pathway]:
    """Every place in a payload but the whole."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in inside:
        yield (*at, step)
        yield from paths(part, (*at, step))


def changed(payload: Any, at: Pathway, value: Any) -> Any:
    """The payload with another value at one place, or without it; what is beside the way there is the same object."""
    step, *rest = at
    there = step in payload if isinstance(payload, dict) else isinstance(payload, list) and isinstance(step, int) and step < len(payload)
    if not there:  # another change has taken the place away
        return payload
    found = copy.copy(payload)
    if rest:
        found[step] = changed(payload[step], tuple(rest), value)
    elif value is MISSING:
        del found[step]
    else:
        found[step] = value
    return found


def found_at(payload: Any, at: Pathway) -> Any:
    for step in at:
        payload = payload[step]
    return payload


def is_of_first(payload: Any, at: Pathway) -> bool:
    """Whether the place is within an entry of a list that has the first message and not the second."""
    entries = [found_at(payload, at[: length + 1]) for length, step in enumerate(at[:-1]) if isinstance(step, int)]
    return any(FIRST in (words := json.dumps(entry)) and SECOND not in words for entry in entries)


def tried(number: int) -> Iterator[Any]:
    """What is put into a place: every sixth, so that six places after each other have met all."""
    yield from HOSTILE[number % 6 :: 6]


async def test_no_value_of_a_payload_breaks_its_reading_or_takes_a_neighbour_along(pushes: Sequence[Push | Heard]):
    for push in pushes:
        for number, at in enumerate(paths(push.payload)):
            neighbour = SECOND in json.dumps(push.payload) and is_of_first(push.payload, at)
            for value in tried(number):
                events = push.take(changed(push.payload, at, value))
                assert not neighbour or SECOND in [event.text for event in events], (at, value)


async def test_several_broken_values_at_once_break_nothing_either(pushes: Sequence[Push | Heard]):
    chance = random.Random(7)  # the same ones each time
    for _ in range(60):
        push = chance.choice(pushes)
        payload, places = push.payload, list(paths(push.payload))
        for at in chance.sample(places, min(len(places), chance.randint(2, 5))):
            payload = changed(payload, at, chance.choice(HOSTILE))
        push.take(payload)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not here")
@pytest.mark.parametrize(("name", "folder"), [("slack", "slack/events"), ("whatsapp", "whatsapp")])
async def test_no_value_of_a_recorded_payload_breaks_its_reading(name: str, folder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (push, *_) = await by_its_adapter(name, monkeypatch, tmp_path)
    recorded = [slack.filled(json.loads(path.read_text())) for path in sorted((SAMPLES / folder).glob("*.json"))]
    assert len(recorded) >= 10
    values = cycle(HOSTILE)
    for number, payload in enumerate(recorded):
        places = list(paths(payload))
        step = len(places) // AT_MOST + 1
        for at in places[number % step :: step]:
            push.take(changed(payload, at, next(values)))
