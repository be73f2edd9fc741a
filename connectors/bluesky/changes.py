"""What became of posts that were read before: nobody tells when one is deleted, and none can be edited."""

from collections.abc import Sequence
from datetime import UTC, datetime

from connectors.bluesky import ids, parse
from connectors.bluesky.place import Place
from connectors.bluesky.server import Refusal, Server
from connectors.bluesky.shapes import Json, as_dict, as_list, as_text
from inbox.contract import Event

AT_ONCE = 25  # https://docs.bsky.app/docs/api/app-bsky-feed-get-posts


async def posts(server: Server, uris: Sequence[str]) -> list[Json]:
    """Posts as the network shows them; those that are gone or hidden from us are missing."""
    found: list[Json] = []
    uris = [uri for uri in uris if ids.URI.fullmatch(uri)]  # one that is none would make the server refuse them all
    for start in range(0, len(uris), AT_ONCE):
        told = await server.get("app.bsky.feed.getPosts", uris=list(uris[start : start + AT_ONCE]))
        found += map(as_dict, as_list(told.get("posts")))
    return found


async def sweep(server: Server, place: Place) -> list[Event]:
    """Look at everything that is watched, and tell what is gone."""
    there = {as_text(post.get("uri")) for post in await posts(server, list(place.watched))}
    gone = [uri for uri in place.watched if uri not in there and await _is_gone(server, uri)]
    for uri in gone:
        del place.watched[uri]
    return [parse.deletion(uri, datetime.now(UTC)) for uri in gone]


async def _is_gone(server: Server, uri: str) -> bool:
    """Whether a post is deleted: one of somebody who has blocked us is only hidden."""
    try:
        await server.get("app.bsky.feed.getPostThread", uri=uri, depth=0, parentHeight=0)
    except Refusal as error:
        return error.name == "NotFound"
    return False
