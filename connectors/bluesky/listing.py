"""What stands under a post now (https://docs.bsky.app/docs/api/app-bsky-feed-get-post-thread)."""

import json
from collections.abc import Iterator

from pydantic import ValidationError

from connectors.bluesky import parse
from connectors.bluesky.reading import reason_of
from connectors.bluesky.server import Refusal, Server
from connectors.bluesky.shapes import Json, Post, as_dict, as_list
from connectors.bluesky.threads import Threads
from inbox.contract import Batch, Event, Rejected

DEEPEST = 1000


async def under(server: Server, uri: str, me: str) -> Batch:
    """Every answer below a post, those above their own answers; nothing where the post is gone."""
    try:
        told = await server.get("app.bsky.feed.getPostThread", uri=uri, depth=DEEPEST, parentHeight=0)
    except Refusal as error:
        if error.name != "NotFound":
            raise
        return Batch()
    threads = Threads(server, me)
    events, rejected = list[Event](), list[Rejected]()
    for number, entry in enumerate(_below(as_dict(told.get("thread")))):
        try:
            post = Post.model_validate(entry)
        except ValidationError as error:
            rejected.append(Rejected(json.dumps(entry).encode(), reason_of(error)))
            continue
        thread = await threads.find(post)
        if number and not thread.is_ours:
            events.append(parse.message(post, thread, me))
    return Batch(events, rejected=rejected)


def _below(thread: Json) -> Iterator[Json]:
    """A post and what answers it, level by level: a thread may be deeper than calls can be."""
    level = [thread]
    while level:
        yield from (as_dict(one["post"]) for one in level if "post" in one)
        level = [answer for one in level for answer in map(as_dict, as_list(one.get("replies")))]
