"""Names, links and tags in the words of a post."""

import pytest

from connectors.bluesky import ids, richtext
from inbox.contract import Permanent


def facet(start: int, end: int, kind: str = "link", **value: str) -> dict[str, object]:
    feature = {"$type": f"app.bsky.richtext.facet#{kind}", **(value or {"uri": "https://shop.test/a/long/way"})}
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}


@pytest.mark.parametrize(
    ("text", "facets", "expected"),
    [
        ("plain", [], "plain"),
        ("👩‍👩‍👧 shop.test/a/lo…", [facet(19, 36)], "👩‍👩‍👧 https://shop.test/a/long/way"),  # shown in short: positions in bytes
        ("shop.test/a/lo... now", [facet(0, 17)], "https://shop.test/a/long/way now"),
        ("Read this", [facet(5, 9)], "Read this (https://shop.test/a/long/way)"),  # words that say something else stay
        ("👩 cut", [facet(1, 4)], "👩 cut"),  # in the middle of a character
        ("short", [facet(0, 99)], "short"),  # beyond the end
        ("twice", [facet(0, 4), facet(2, 5)], "twic (https://shop.test/a/long/way)e"),  # the one that overlaps is left out
        ("@anna.test", [facet(0, 10, "mention", did="did:plc:anna")], "@anna.test"),
        ("odd", [{"index": {"byteStart": "0"}, "features": "none"}, None, 3], "odd"),
        ("kind", [facet(0, 4, "sparkle", uri="https://shop.test")], "kind"),
    ],
)
def test_words_are_read_with_their_addresses_in_full(text: str, facets: list[object], expected: str):
    assert richtext.read(text, facets).text == expected


def test_markup_is_escaped_and_names_are_known():
    words = richtext.read("<b> @anna.test\n#open", [facet(4, 14, "mention", did="did:plc:anna"), facet(15, 20, "tag", tag="open")])
    assert words.html == (
        '&lt;b&gt; <a href="https://bsky.app/profile/did:plc:anna">@anna.test</a><br><a href="https://bsky.app/hashtag/open">#open</a>'
    )
    assert words.mentions == ("did:plc:anna",)


def test_what_an_answer_points_to_is_found_by_bytes():
    text = "ÄÖ @Anna.Test, see (https://shop.test/ü_(1)). #öffnen #1 me@mail.test @nobody.test https://x.test/@anna.test"
    assert richtext.names(text) == ["anna.test", "nobody.test"]
    found = richtext.facets(text, {"anna.test": "did:plc:anna"})
    content = text.encode()
    shown = [content[one["index"]["byteStart"] : one["index"]["byteEnd"]].decode() for one in found]
    assert shown == ["@Anna.Test", "https://shop.test/ü_(1)", "#öffnen", "https://x.test/@anna.test"]
    assert [list(one["features"][0].values())[1] for one in found] == [
        "did:plc:anna",
        "https://shop.test/ü_(1)",
        "öffnen",
        "https://x.test/@anna.test",
    ]


def test_keys_are_moments_in_letters_and_derived_ones_are_old_and_always_the_same():
    assert ids.tid(0) == "2222222222222"
    assert ids.tid((1 << 53) - 1, 1023) == "bzzzzzzzzzzzz"  # the highest of 63 bits
    assert ids.moment(ids.tid(1_772_438_400_000_000, 7)) == 1_772_438_400_000_000
    assert ids.moment("self") == ids.moment("0222222222222") == 0
    keys = {ids.derived(f"key-{number}") for number in range(1000)}
    assert len(keys) == 1000
    assert ids.derived("key-1") in keys
    assert all(1 << 50 <= ids.moment(key) < (1 << 50) + (1 << 48) for key in keys)


def test_what_is_no_address_of_a_record_is_refused():
    assert ids.split("at://did:plc:abc/app.bsky.feed.post/3k") == ids.Name("did:plc:abc", "app.bsky.feed.post", "3k")
    for uri in ("", "m1", "at://anna.test/app.bsky.feed.post/3k", "at://did:plc:abc/app.bsky.feed.post/3k/more", "https://bsky.app/"):
        with pytest.raises(Permanent):
            ids.split(uri)
