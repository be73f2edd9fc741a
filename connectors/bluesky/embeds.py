"""What a post carries beside its words: pictures, a video, a link, another post.

https://docs.bsky.app/docs/advanced-guides/posts#embeds: the record names files by their hash, the network shows them by address.
"""

from connectors.bluesky import richtext
from connectors.bluesky.shapes import Json, Post, as_dict, as_list, as_text
from inbox.contract import Attachment

LONGEST_NAME = 120  # characters of a description that becomes a file's name


def text(post: Post) -> str:
    """The words, with their addresses in full; after them the link of a card, where the words do not have it."""
    words = richtext.read(post.record.text, post.record.facets).text
    card = as_dict(_media(post, "external").get("external") or _of_record(post).get("external"))
    address, title = as_text(card.get("uri")), as_text(card.get("title"))
    if not address or address in words:
        return words
    return "\n\n".join(part for part in (words, f"{title}\n{address}".strip()) if part)


def files(post: Post) -> tuple[Attachment, ...]:
    """Pictures, and the still picture of a video, each named after its description: that is what those read who do not see it."""
    found: list[Attachment] = []
    for number, image in enumerate(map(as_dict, as_list(_media(post, "images").get("images"))), 1):
        address = as_text(image.get("fullsize"))
        if address:
            found.append(Attachment(_name(as_text(image.get("alt")), f"image-{number}"), "image/jpeg", url=address))
    video = _media(post, "video")
    still = as_text(video.get("thumbnail"))
    if still:
        found.append(Attachment(_name(f"▶ {as_text(video.get('alt'))}".strip(), "▶"), "image/jpeg", url=still))
    return tuple(found)


def quoted(post: Post, did: str) -> Json | None:
    """The post of this account that a post quotes, as the network shows it."""
    shown = as_dict(post.embed.get("record"))
    shown = as_dict(shown.get("record")) or shown  # with pictures it lies one deeper
    return shown if as_dict(shown.get("author")).get("did") == did and "value" in shown else None


def _media(post: Post, kind: str) -> Json:
    """The part of what is shown that has this kind: alone, or beside a quoted post."""
    for shown in (post.embed, as_dict(post.embed.get("media"))):
        if as_text(shown.get("$type")) == f"app.bsky.embed.{kind}#view":
            return shown
    return {}


def _of_record(post: Post) -> Json:
    return post.record.embed if post.record.embed.get("$type") == "app.bsky.embed.external" else {}


def _name(described: str, otherwise: str) -> str:
    return f"{' '.join(described.replace('/', ' ').split())[:LONGEST_NAME] or otherwise}.jpg"
