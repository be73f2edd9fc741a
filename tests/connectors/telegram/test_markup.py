"""Formatting, counted in UTF-16 units."""

import pytest

from connectors.telegram import markup
from connectors.telegram.shapes import Entity


def entity(kind: str, offset: int, length: int, **more: str) -> Entity:
    return Entity(type=kind, offset=offset, length=length, **more)


@pytest.mark.parametrize(
    ("text", "entities", "html"),
    [
        ("plain <b>", [], None),
        ("hi #tag", [entity("hashtag", 3, 4)], None),
        ("a bold <b>", [entity("bold", 2, 4)], "a <b>bold</b> &lt;b&gt;"),
        ("😀😀 bold", [entity("bold", 5, 4)], "😀😀 <b>bold</b>"),
        ("bold both", [entity("bold", 0, 9), entity("italic", 5, 4)], "<b>bold <i>both</i></b>"),
        ("both", [entity("italic", 0, 4), entity("bold", 0, 4)], "<i><b>both</b></i>"),
        ("one two", [entity("bold", 0, 5), entity("italic", 4, 3)], "<b>one <i>t</i></b>wo"),  # what overlaps is cut: never broken markup
        ("here", [entity("text_link", 0, 4, url='https://e.org/?a="b"&c')], '<a href="https://e.org/?a=&quot;b&quot;&amp;c">here</a>'),
        ("see example.org", [entity("url", 4, 11)], 'see <a href="https://example.org">example.org</a>'),
        ("a@b.org", [entity("email", 0, 7)], '<a href="mailto:a@b.org">a@b.org</a>'),
        ("x\ny", [entity("code", 0, 1)], "<code>x</code><br>y"),
        ("abc", [entity("bold", 1, 100)], "a<b>bc</b>"),
        ("abc", [entity("bold", 50, 3)], "abc"),
        ("abc", [entity("bold", -1, 2), entity("bold", 0, 0)], None),
    ],
)
def test_entities_become_markup(text: str, entities: list[Entity], html: str | None):
    assert markup.html(text, entities) == html
