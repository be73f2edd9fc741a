"""What all connectors of the family owe: no forged notification, no exception, no lost neighbour."""

import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from connectors.facebook import Facebook
from connectors.instagram import Instagram
from connectors.threads import Threads
from connectors.whatsapp import WhatsApp
from inbox import contract
from inbox.contract import AcceptsWebhooks, Refused, Rereads
from tests.connectors.facebook import fake as page
from tests.connectors.forgeries import variants
from tests.connectors.instagram import fake as account
from tests.connectors.meta.fake import MORNING, config, escaped, pushed, signature
from tests.connectors.threads import fake as profile
from tests.connectors.whatsapp import fake as number

NOWHERE = "http://127.0.0.1:9"
Make = Callable[[], Any]


@cache
def facebook() -> Facebook:
    return Facebook(Facebook.Config.model_validate(config(NOWHERE, page_id=page.PAGE)))


@cache
def instagram() -> Instagram:
    return Instagram(Instagram.Config.model_validate(config(NOWHERE, instagram_id=account.ACCOUNT)))


@cache
def whatsapp() -> WhatsApp:
    return WhatsApp(WhatsApp.Config.model_validate(config(NOWHERE, phone_number_id=number.NUMBER, business_account_id=number.BUSINESS)))


@cache
def threads() -> Threads:
    return Threads(Threads.Config.model_validate(profile.config(NOWHERE)))


FAMILY: list[tuple[Make, Any]] = [
    (
        facebook,
        page.notification(
            page.change(page.commented("55_7", "Größe?")),
            page.change(
                {"from": page.ANNA, "item": "reaction", "verb": "add", "comment_id": "55_7", "post_id": "55", "reaction_type": "like"}
            ),
            page.chat({"message": {"mid": "m1", "text": "Hi", "attachments": [{"type": "image", "payload": {"url": "https://x/1.jpg"}}]}}),
            page.chat({"delivery": {"mids": ["m9"], "watermark": 1}}),
        ),
    ),
    (
        instagram,
        account.notification(
            account.change(account.commented("7", "Größe?", parent_id="6")),
            account.change({"media_id": "66", "comment_id": "9"}, field="mentions"),
            account.chat({"message": {"mid": "m1", "text": "Hi", "reply_to": {"story": {"id": "1", "url": "https://x/1"}}}}),
            account.chat({"read": {"mid": "m1"}}),
        ),
    ),
    (
        whatsapp,
        number.notification(
            number.said("Größe?", context={"id": "wamid.0"}),
            number.change(
                messages=[number.message("wamid.2", "location", {"latitude": 1.5, "longitude": 2.5})], contacts=[number.contact()]
            ),
            number.change(messages=[number.message("wamid.3", "reaction", {"message_id": "wamid.1", "emoji": "👍"})]),
            number.status("wamid.9", "failed", errors=[{"code": 131049, "title": "No", "error_data": {"details": "Never"}}]),
        ),
    ),
    (threads, [profile.replied("7", "Größe?"), profile.notification(profile.media("66", "@shop"), field="mentions", target=profile.USER)]),
]
NAMED = pytest.mark.parametrize(("make", "told"), FAMILY, ids=lambda value: getattr(value, "__name__", ""))


def counted(batches: Any) -> tuple[int, int, int]:
    return (
        sum(len(batch.events) for batch in batches.values()),
        sum(len(batch.rejected) for batch in batches.values()),
        sum(sum(batch.passed_over.values()) for batch in batches.values()),
    )


@NAMED
def test_no_forged_notification_is_taken_in(make: Make, told: Any):
    connector = make()
    body = escaped(told)
    assert counted(connector.webhook(pushed(told))[1])[0] >= 2
    forged = list(variants(body, signature(body)))
    assert len(forged) >= 1000
    for other, given in forged:
        with pytest.raises(Refused):
            connector.webhook(contract.Request("POST", {"x-hub-signature-256": given}, {}, other, MORNING))


@NAMED
def test_a_secret_that_is_none_is_refused_when_it_is_entered(make: Make, told: Any):
    kind = type(make())
    given = {name: str(getattr(value, "get_secret_value", lambda v=value: v)()) for name, value in make()._config}
    for name in ("app_secret", "verify_token"):
        with pytest.raises(ValueError, match="at least"):
            kind.Config.model_validate(given | {name: "   short   "})
    made = kind.Config.model_validate({name: value for name, value in given.items() if name != "verify_token"})
    assert len(made.verify_token.get_secret_value()) >= 24


@NAMED
def test_whatever_meta_may_send_is_taken_in_kept_or_counted(make: Make, told: Any):
    """Hundreds of notifications with something in them replaced: every part of them is accounted for, and nothing raises."""
    connector = make()
    assert isinstance(connector, AcceptsWebhooks)
    assert isinstance(connector, Rereads)
    chance = random.Random(11)
    for _ in range(400):
        broken = json.loads(json.dumps(told))
        inside, name = chance.choice(list(spots(broken)))
        inside[name] = chance.choice([None, [], {}, "", "x", -1, 10**30, 1.5, True, [None], {"id": None}, ["x"], {"data": [{}]}])
        answer, batches = connector.webhook(pushed(broken))
        assert answer.status == 200
        assert sum(counted(batches)) >= 1
        for batch in batches.values():
            for kept in batch.rejected:
                connector.reread(kept.raw, MORNING)


@NAMED
def test_a_part_that_cannot_be_read_takes_no_other_along(make: Make, told: Any):
    """Whatever is wrong inside of one part, all others come in; what is around them all may be wrong too, but for the lists."""
    connector, told = make(), json.loads(json.dumps(told))  # nothing in it is there twice
    whole = counted(connector.webhook(pushed(told))[1])[0]
    around = {"changes", "messaging", "entry", "object", "id", "metadata", "contacts", "values", "field"}
    for inside, name in spots(told):
        if isinstance(name, int) or name in around:
            continue
        kept, inside[name] = inside[name], {"odd": [None]}
        try:
            events, rejected, passed = counted(connector.webhook(pushed(told))[1])
        finally:
            inside[name] = kept
        assert (events >= whole - 1, events + rejected + passed >= whole) == (True, True), name


def spots(inside: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in JSON that something else could stand in."""
    for name, value in list(inside.items() if isinstance(inside, dict) else enumerate(inside)):
        yield inside, name
        if isinstance(value, dict | list):
            yield from spots(value)
