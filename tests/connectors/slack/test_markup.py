"""Slack's marks, both ways."""

import pytest

from connectors.slack import emoji, markup

NAMES = {"U1": "Anna", "C1": "help"}


def name(an_id: str) -> str:
    return NAMES.get(an_id, an_id)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
        ("&amp;lt;", "&lt;"),  # somebody wrote an entity
        ("<@U1> and <@U2|bernd>", "@Anna and @bernd"),
        ("<#C1> <#C2|general>", "#help #general"),
        ("<!here> <!channel> <!subteam^S1|@team>", "@here @channel @team"),
        ("<!date^1392734382^{date}|yesterday>", "yesterday"),
        ("<https://example.com/?a=1&amp;b=2>", "https://example.com/?a=1&b=2"),
        ("<https://example.com|here>", "here (https://example.com)"),
        ("<http://example.com|example.com>", "http://example.com"),
        ("<mailto:a@example.com|a@example.com>", "a@example.com"),
        ("well done :tada: :+1::skin-tone-2:", "well done 🎉 👍🏻"),
        ("at 12:30:45, :unknown: ::", "at 12:30:45, :unknown: ::"),
        ("a\n<b", "a\n<b"),
    ],
)
def test_a_text_is_shown_as_people_read_it(text: str, shown: str):
    assert markup.plain(text, name, {}) == shown


@pytest.mark.parametrize("words", ["<@U1> & <!here> *bold*", "&lt;", "a<b>c", "👩‍👩‍👧 مرحبا"])
def test_our_words_are_no_marks_and_come_back_as_they_were(words: str):
    escaped = markup.escape(words)
    assert not markup.MARK.search(escaped)
    assert markup.plain(escaped, name, {}) == words
    assert markup.mentions(escaped) == ()


def test_mentions_are_named_once():
    assert markup.mentions("<@U1> <@U2|b> <@U1> <#C1> <https://example.com>") == ("U1", "U2")


def rich(*elements: dict[str, object]) -> tuple[dict[str, object], ...]:
    return ({"type": "rich_text", "elements": list(elements)},)


def section(*elements: dict[str, object], kind: str = "rich_text_section", **more: object) -> dict[str, object]:
    return {"type": kind, "elements": list(elements), **more}


def words(text: str, **style: bool) -> dict[str, object]:
    return {"type": "text", "text": text} | ({"style": style} if style else {})


def test_formatting_becomes_html():
    blocks = rich(
        section(words("Hi "), words("<all>", bold=True, italic=True), {"type": "user", "user_id": "U1"}, words("\nthere")),
        section(section(words("one")), section(words("two")), kind="rich_text_list", style="ordered"),
        section(words("said"), kind="rich_text_quote"),
        section(words("x = 1"), kind="rich_text_preformatted"),
        section({"type": "link", "url": 'https://example.com/"', "text": "here"}, {"type": "emoji", "name": "tada", "unicode": "1f389"}),
        section({"type": "broadcast", "range": "here"}, {"type": "channel", "channel_id": "C1"}, {"type": "color", "text": "#fff"}),
    )
    assert markup.html(blocks, name) == (
        "<p>Hi <b><i>&lt;all&gt;</i></b>@Anna<br>there</p><ol><li>one</li><li>two</li></ol><blockquote>said</blockquote>"
        '<pre>x = 1</pre><p><a href="https://example.com/&quot;">here</a>🎉</p><p>@here#help#fff</p>'
    )


def test_what_has_no_formatting_or_is_no_rich_text_has_no_html():
    assert markup.html(rich(section(words("plain"))), name) is None
    assert markup.html(({"type": "section", "text": {"text": "x"}},), name) is None
    assert markup.html((), name) is None
    assert markup.html(rich({"type": "rich_text_quote"}, section(words("x", bold=True)), {}), name) is not None


def test_a_message_brings_the_characters_of_its_own_emoji():
    coder = {"type": "emoji", "name": "woman-coder", "unicode": "1f469-200d-1f4bb"}
    blocks = rich(section(coder, {"type": "emoji", "name": "bad", "unicode": "zz"}, section(coder)))
    assert markup.plain(":woman-coder:!", name, markup.own_emoji(blocks)) == "👩‍💻!"
    assert emoji.character("zz") == ""
