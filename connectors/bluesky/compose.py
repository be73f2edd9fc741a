"""What a reply looks like as a record (https://docs.bsky.app/docs/advanced-guides/posts)."""

import asyncio
from datetime import UTC, datetime

from connectors.bluesky import ids, richtext
from connectors.bluesky.server import Refusal, Server
from connectors.bluesky.shapes import Json, Post, as_text
from inbox.contract import Attachment, Permanent, Reply

LONGEST = 3000  # bytes, whatever the number of characters
MOST_PICTURES = 4
MOST_NAMES = 20


async def record(server: Server, reply: Reply, parent: Post) -> Json:
    """The answer to a post, with what its words point to, and its pictures handed in."""
    if len(reply.text.encode(errors="replace")) > LONGEST:
        raise Permanent(f"The reply is too long for Bluesky, which takes {LONGEST} bytes.")
    if len(reply.attachments) > MOST_PICTURES:
        raise Permanent(f"Bluesky takes {MOST_PICTURES} pictures at once.")
    above = parent.record.reply
    this = {"uri": parent.uri, "cid": parent.cid}
    shape: Json = {
        "$type": ids.POST,
        "text": reply.text,
        "createdAt": now(),
        "reply": {"root": above.root.model_dump() if above else this, "parent": this},
    }
    if found := await facets(server, reply.text):
        shape["facets"] = found
    if reply.attachments:
        shape["embed"] = {"$type": "app.bsky.embed.images", "images": [await _picture(server, file) for file in reply.attachments]}
    return shape


async def facets(server: Server, text: str) -> list[Json]:
    """What stands beside a text: its names, links and tags."""
    return richtext.facets(text, await _dids(server, richtext.names(text)[:MOST_NAMES]))


def now() -> str:
    """This moment as records have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _picture(server: Server, file: Attachment) -> Json:
    return {"image": await server.upload(file), "alt": ""}


async def _dids(server: Server, names: list[str]) -> dict[str, str]:
    """Whose names these are; one that is nobody's stays a word."""
    found = await asyncio.gather(*(_did(server, name) for name in names))
    return {name: did for name, did in zip(names, found, strict=True) if did}


async def _did(server: Server, name: str) -> str:
    try:
        return as_text((await server.get("com.atproto.identity.resolveHandle", handle=name)).get("did"))
    except Refusal:
        return ""
