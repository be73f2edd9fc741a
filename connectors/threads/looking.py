"""What was answered to a profile's posts since a time, and who mentioned it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

from connectors.meta.graph import Graph, entries
from connectors.meta.hooks import UNREADABLE, Pieces
from connectors.meta.shapes import Json, dumped, moment, reason
from connectors.threads import posts
from connectors.threads.posts import POST, REPLY, Post
from inbox.contract import AuthError, Batch, Permanent, Rejected

POSTS = 25  # the latest posts that are looked at; notifications bring replies to older ones
EARLIEST = moment("1990-01-01")


async def look(graph: Graph, user: str, since: datetime, pieces: Pieces) -> None:
    """Every post that has replies is one request, since no list brings them along."""
    for given in entries(await graph.get(f"{user}/threads", fields=POST, limit=POSTS)):
        try:
            on = Post.model_validate(given)
        except UNREADABLE as error:
            pieces.rejected.append(Rejected(dumped(given), reason(error)))
            continue
        if on.has_replies:
            await _replies(graph, on, user, since, pieces)
    await _mentions(graph, user, since, pieces)


async def _replies(graph: Graph, on: Post, user: str, since: datetime, pieces: Pieces) -> None:
    """Replies of every depth, the newest first."""
    async with aclosing(graph.pages(f"{on.id}/conversation", fields=REPLY, reverse="true", limit=100)) as pages:
        async for page in pages:
            are_new = [_take(given, on, user, since, pieces) for given in page]
            if not all(are_new):
                return


async def _mentions(graph: Graph, user: str, since: datetime, pieces: Pieces) -> None:
    """https://developers.facebook.com/docs/threads/threads-mentions"""
    try:
        told = await graph.get(f"{user}/mentions", fields=REPLY, limit=50)
    except (Permanent, AuthError):
        pieces.passed["mentions: the token may not read them"] += 1
        return
    for given in entries(told):
        try:
            post = Post.model_validate(given)
        except UNREADABLE as error:
            pieces.rejected.append(Rejected(dumped(given), reason(error)))
            continue
        if post.timestamp >= since:
            pieces.events.append(posts.mention(post, user, posts.LISTED, given))


def _take(given: Json, on: Post, user: str, since: datetime, pieces: Pieces) -> bool:
    """Take a reply in; whether it is new."""
    try:
        if moment(given["timestamp"]) < since:
            return False
        pieces.events += posts.listed(given, on, user)
    except UNREADABLE as error:
        pieces.rejected.append(Rejected(dumped(given), reason(error)))
    return True


async def listed(graph: Graph, user: str, post_id: str) -> AsyncGenerator[Batch]:
    """Every reply to a post, page by page."""
    on = Post.model_validate(await graph.get(post_id, fields=POST))
    async with aclosing(graph.pages(f"{post_id}/conversation", fields=REPLY, reverse="false", limit=100)) as pages:
        async for page in pages:
            pieces = Pieces()
            for given in page:
                _take(given, on, user, EARLIEST, pieces)
            yield pieces.batch()
