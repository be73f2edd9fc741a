"""Letters with markup: what is shown, what is folded, and what never reaches the page."""

from html.parser import HTMLParser
from typing import Any

import pytest

from inbox.conversations import markup
from inbox.conversations.said import File
from web.letters import Letter, letter


def picture(**values: Any) -> File:
    return File(7, "bottle.png", "image/png", size=3, sha256="ab", url=None, content_id="b@x", fetch_tries=0)._replace(**values)


def draw(html: str, text: str = "", quoted: str = "", *files: File, cleaned: bool = True) -> Letter | None:
    return letter(markup.clean(html) if cleaned else html, text, quoted, files, "/w/1/files", "Picture from {host}", "")


def shown(html: str, text: str = "", quoted: str = "", *files: File, cleaned: bool = True) -> str:
    drawn = draw(html, text, quoted, *files, cleaned=cleaned)
    assert drawn is not None
    return drawn.visible


class Reader(HTMLParser):
    """What a browser would find: its tags with their attributes, and whether they close as they open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("br", "hr", "img", "col"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


HOSTILE = [
    "<script>alert(1)</script><b>x</b>",
    "<img src=x onerror=alert(1)><b>x</b>",
    "<b><svg><style><img src=x onerror=alert(1)></style></svg></b>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" java\nscript:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a title="<img foo=" href="http://x/> onmouseover=alert(1)">z</a>',
    '<a href="http://x/&quot; onmouseover=&quot;alert(1)">z</a>',
    '<b title="&quot;><script>alert(1)</script>">x</b>',
    '<img src="http://x/&quot; onerror=&quot;alert(1)" alt="&quot; onerror=&quot;alert(1)"><b>x</b>',
    '<img src="cid:b@x" alt="&quot;><script>alert(1)</script>" width="1&quot; onload=&quot;x"><b>x</b>',
    '<form action="/w/1/members"><button formaction="/x">x</button></form><b>x</b>',
    '<base href="//evil.example/"><link rel=stylesheet href="//evil.example/a.css"><meta http-equiv=refresh content="0;url=/"><b>x</b>',
    '<div style="position:fixed;inset:0" class="composer" id="composer-1" data-action="resolve"><b>x</b></div>',
    "</div></article></li></ol><b>out of its place</b>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe><object data=x></object><embed src=x><b>x</b>",
    "<b><!--><script>alert(1)</script>--><![CDATA[<script>]]></b>",
    "<table><tr><td><b>unclosed",
    "<b>" * 3000,
]


@pytest.mark.parametrize("cleaned", [True, False])
@pytest.mark.parametrize("html", HOSTILE)
def test_hostile_markup_runs_nothing_loads_nothing_and_stays_in_its_place(html: str, *, cleaned: bool) -> None:
    """Even if it had never been cleaned at the door."""
    drawn = draw(html, "", "", picture(), cleaned=cleaned)
    if drawn is None:
        return
    reader = Reader(drawn.visible)
    assert not reader.open
    for tag, attributes in reader.tags:
        assert tag in markup.TAGS
        assert set(attributes) <= {
            "href",
            "src",
            "alt",
            "width",
            "height",
            "title",
            "dir",
            "lang",
            "target",
            "rel",
            "loading",
            "class",
            "align",
        }
        assert (attributes.get("src") or "/w/1/files/7") == "/w/1/files/7"
        assert (attributes.get("href") or "http").startswith(("http", "/w/1/files/7"))
        assert attributes.get("class") in (None, "far", "picture")


def test_links_open_elsewhere_tell_nothing_and_never_lead_to_a_page_of_ours() -> None:
    drawn = shown('<a href="https://shop.example/a?b=1&amp;c=2">shop</a> <a href="/w/1/settings">ours</a> <a href="#message-1">here</a>')
    assert '<a href="https://shop.example/a?b=1&amp;c=2" target="_blank" rel="noopener noreferrer nofollow">shop</a>' in drawn
    assert "<a>ours</a>" in drawn
    assert "<a>here</a>" in drawn


def test_a_picture_that_came_along_stands_in_its_place_and_not_among_the_files() -> None:
    drawn = draw('<p>Look: <img src="cid:b%40x" width="300" height="200"></p>', "Look:", "", picture())
    assert drawn is not None
    assert (
        '<a class="picture" href="/w/1/files/7" target="_blank"><img src="/w/1/files/7" alt="bottle.png" width="300" height="200"'
        in drawn.visible
    )
    assert drawn.shown == {7}


@pytest.mark.parametrize("file", [picture(sha256=None), picture(media_type="image/svg+xml"), picture(content_id="other")])
def test_a_picture_that_cannot_be_shown_stays_among_the_files(file: File) -> None:
    drawn = draw('<b>Look</b><img src="cid:b@x" alt="the bottle">', "", "", file)
    assert drawn is not None
    assert "<img" not in drawn.visible
    assert "the bottle" in drawn.visible
    assert not drawn.shown


def test_a_picture_from_elsewhere_is_named_with_its_host_and_not_loaded() -> None:
    drawn = shown('<p>Hi</p><img src="https://tracker.example/a.png?you">')
    assert "<img" not in drawn
    assert 'title="tracker.example">Picture from tracker.example</a>' in drawn
    within = shown('<a href="https://shop.example"><img src="https://tracker.example/a.png" alt="Our shop"></a>')
    assert within.endswith('<span class="far">Our shop</span></a>')


def test_a_picture_too_small_to_be_seen_is_left_out() -> None:
    assert shown('<b>Hi</b><img src="https://tracker.example/a.gif" width="1" height="1">') == "<b>Hi</b>"


def test_markup_that_says_no_more_than_the_text_gives_way_to_it() -> None:
    assert draw("<div>Hello<br>there</div>", "Hello\nthere") is None
    assert draw("<div>Hello<br>there</div>", "") is not None  # there is nothing else
    assert draw("", "Hello") is None
    assert draw("<b>x</b>" * 50_000, "x") is None  # too long to be drawn


def test_what_the_connector_found_to_be_quoted_is_folded() -> None:
    html = (
        "<div>Thank you, <b>that</b> helps.<br><br></div>"
        "<div><div dir=ltr>On Mon, 2 March 2026 at 9:00 Aylin &lt;a@example.org&gt; wrote:<br></div>"
        "<blockquote>Is it <i>vegan</i>?</blockquote></div>"
    )
    drawn = draw(html, "Thank you, that helps.", "On Mon, 2 March 2026 at 9:00 Aylin <a@example.org> wrote:\n> Is it vegan?")
    assert drawn is not None
    assert drawn.visible == "<div>Thank you, <b>that</b> helps.<br><br></div>"
    assert drawn.quoted.startswith('<div><div dir="ltr">On Mon')
    assert drawn.quoted.endswith("</blockquote></div>")


def test_a_quotation_inside_of_a_table_leaves_both_parts_whole() -> None:
    html = "<table><tr><td><b>Yes, please send two of them.</b><br>From: Aylin Sent: Monday<br>Is it vegan?</td></tr></table>"
    drawn = draw(html, "Yes, please send two of them.", "From: Aylin\nSent: Monday\nIs it vegan?")
    assert drawn is not None
    assert drawn.visible == "<table><tbody><tr><td><b>Yes, please send two of them.</b></td></tr></tbody></table>"
    assert drawn.quoted == "<table><tbody><tr><td><br>From: Aylin Sent: Monday<br>Is it vegan?</td></tr></tbody></table>"


def test_nothing_new_is_folded_where_the_quotation_is_not_at_the_end() -> None:
    new = "<p>Yes, <b>all of it is vegan</b>, and without gluten.</p>"
    html = f"<p>Hello Aylin,</p><p>On Mon, 2 March 2026 at 9:00 Aylin wrote:</p><blockquote>Is it vegan?</blockquote>{new}"
    drawn = draw(
        html, "Hello Aylin,\nYes, all of it is vegan, and without gluten.", "On Mon, 2 March 2026 at 9:00 Aylin wrote:\n> Is it vegan?"
    )
    assert drawn is not None
    assert not drawn.quoted
    assert "without gluten" in drawn.visible


SPOKEN = "".join(f"<b title={number}>" for number in range(2000))


@pytest.mark.parametrize("opened", [SPOKEN, SPOKEN.upper(), SPOKEN.replace(" ", "/"), SPOKEN.replace(">", "\n>")])
def test_signs_left_open_do_not_make_a_letter_grow_with_every_paragraph(opened: str) -> None:
    html = f"<p>{opened}</p>" + "<p>x</p>" * 2000  # a browser opens all of them anew in each paragraph: 4,000,000
    assert len(markup.clean(html) or "") < 10 * len(html)


def test_a_letter_of_more_tags_than_anybody_writes_is_its_text() -> None:
    assert markup.clean("<ul><li>" * 100_000) is None


def test_a_sign_keeps_what_tells_it_apart_in_a_letter_that_people_write() -> None:
    html = "".join(f"<p>{number} <b title='x'>bold</b></p>" for number in range(200))
    assert html.replace("'", '"') == markup.clean(html)
