"""What stands on a Page since a time: posts with their comments, ads, mentions; and a post's comments for comparison."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Any

from connectors.facebook import comments
from connectors.facebook.comments import COMMENT, POST
from connectors.meta.graph import Graph, entries
from connectors.meta.hooks import UNREADABLE, Pieces
from connectors.meta.shapes import Json, dumped, inner, moment, reason
from inbox.contract import AuthError, Batch, Permanent, Rejected

POSTS = 50  # the latest posts that are looked at; notifications bring comments on older ones
EMBEDDED = 25  # comments that come along with each
INNER = f"comments.filter(stream).order(reverse_chronological).limit({EMBEDDED}){{{COMMENT}}}"
NEWEST = {"filter": "stream", "order": "reverse_chronological", "fields": COMMENT, "limit": 100}


async def look(graph: Graph, page_id: str, since: datetime, pieces: Pieces) -> None:
    """The Page's own posts and its visitors', those of ads, and posts of others that name it; the latter two where the token may."""
    seen: set[str] = set()
    for edge in ("feed", "ads_posts", "tagged"):
        try:
            told = await graph.get(f"{page_id}/{edge}", fields=f"{POST},{INNER}", limit=POSTS)
        except (Permanent, AuthError):
            if edge == "feed":
                raise
            pieces.passed[f"{edge}: the token may not read it"] += 1
            continue
        for given in entries(told):
            if str(given.get("id")) not in seen:
                seen.add(str(given.get("id")))
                await _post(graph, page_id, given, since, pieces, is_mention=edge == "tagged")


async def _post(graph: Graph, page_id: str, given: Json, since: datetime, pieces: Pieces, *, is_mention: bool) -> None:
    try:
        post = comments.post(given)
        if post.is_by_visitor(page_id) and post.created_time is not None and post.created_time >= since:
            mentions = (page_id,) if is_mention else ()
            pieces.events.append(comments.visitor_post(post, page_id, _without_comments(given), mentions=mentions))
    except UNREADABLE as error:
        pieces.rejected.append(Rejected(dumped(_without_comments(given)), reason(error)))
        return
    first = entries(given.get("comments") or {})
    are_new = [_comment(entry, post, page_id, since, pieces) for entry in first]
    if are_new and all(are_new) and inner(given, "comments", "paging", "next"):
        await _earlier(graph, post, page_id, since, pieces, {entry.get("id") for entry in first})


async def _earlier(graph: Graph, post: comments.Post, page_id: str, since: datetime, pieces: Pieces, seen: set[Any]) -> None:
    """Comments beyond those that came along, back to the time."""
    async with aclosing(graph.pages(f"{post.id}/comments", **NEWEST)) as pages:
        async for page in pages:
            are_new = [_comment(entry, post, page_id, since, pieces) for entry in page if entry.get("id") not in seen]
            if not all(are_new):
                return


def _comment(entry: Json, post: comments.Post, page_id: str, since: datetime, pieces: Pieces) -> bool:
    """Take a comment in; whether it is new."""
    try:
        if moment(entry["created_time"]) < since:
            return False
        pieces.events += comments.comment(entry, post, page_id)
    except UNREADABLE as error:
        pieces.rejected.append(Rejected(dumped(entry), reason(error)))
    return True


async def listed(graph: Graph, page_id: str, post_id: str) -> AsyncGenerator[Batch]:
    """Every comment of a post, page by page."""
    post = comments.post(await graph.get(post_id, fields=POST))
    async with aclosing(graph.pages(f"{post_id}/comments", filter="stream", fields=COMMENT, limit=100)) as pages:
        async for page in pages:
            pieces = Pieces()
            for entry in page:
                _comment(entry, post, page_id, moment("1990-01-01"), pieces)
            yield pieces.batch()


async def count(graph: Graph, post_id: str) -> int:
    """https://developers.facebook.com/docs/graph-api/reference/object/comments/#readsummary"""
    told = await graph.get(f"{post_id}/comments", filter="stream", summary="total_count", limit=0)
    return int(inner(told, "summary", "total_count") or 0)


def _without_comments(given: Json) -> Json:
    return {name: value for name, value in given.items() if name != "comments"}
