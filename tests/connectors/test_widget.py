"""The website chat's connector: settings, and a way out that cannot fail."""

import pytest
from pydantic import ValidationError

from connectors.widget import Widget, WidgetConfig
from inbox.contract import Connector, Reply


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://www.example.org", "https://www.example.org"),
        ("HTTPS://WWW.Example.org/shop?page=1", "https://www.example.org"),
        ("https://www.example.org:443", "https://www.example.org"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_website_is_known_by_its_origin_however_its_address_was_written(written, origin):
    assert WidgetConfig(allowed_origins=(written,)).allowed_origins == (origin,)


@pytest.mark.parametrize(
    "written", ["www.example.org", "ftp://example.org", "https://", "https://user@example.org", "null", "https://*.example.org:x"]
)
def test_what_is_no_website_is_refused_with_a_sentence(written):
    with pytest.raises(ValidationError):
        WidgetConfig(allowed_origins=(written,))


def test_no_list_allows_no_website_and_only_a_star_allows_any():
    assert not WidgetConfig().allows("https://www.example.org")
    assert WidgetConfig.model_validate({"allowed_origins": "*"}).allows("https://www.example.org")
    listed = WidgetConfig.model_validate({"allowed_origins": "https://a.example, https://b.example"})
    assert listed.allows("https://b.example")
    assert not listed.allows("https://a.example.evil.org")
    assert not listed.allows("http://a.example")


async def test_every_attempt_of_a_reply_is_the_same_message():
    widget = Widget(WidgetConfig())
    first, second = [await widget.send(Reply(key="k1", thread_id="t", text="Hello")) for _ in range(2)]
    assert first.message_id == second.message_id
    assert isinstance(widget, Connector)
    assert (await widget.check()).is_self


async def test_the_stream_says_that_the_channel_works_and_then_brings_nothing():
    stream = Widget(WidgetConfig()).stream("place")
    batch = await anext(stream)
    assert not batch.events
    assert batch.cursor == "place"
    await stream.aclose()


async def test_a_chat_without_a_title_has_no_name_of_its_own_in_a_language_that_nobody_chose():
    assert (await Widget(WidgetConfig()).check()).name == ""
    assert (await Widget(WidgetConfig(title="Ask the harbour")).check()).name == "Ask the harbour"
