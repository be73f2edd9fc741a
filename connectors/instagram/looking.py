"""What stands under an account's posts since a time, and who tagged it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

from connectors.instagram import comments
from connectors.instagram.comments import COMMENT, MEDIA, Media
from connectors.meta.graph import Graph, entries
from connectors.meta.hooks import UNREADABLE, Pieces
from connectors.meta.shapes import Json, dumped, inner, moment, reason
from inbox.contract import AuthError, Batch, Permanent, Rejected

POSTS = 50  # the latest posts that are looked at; notifications bring comments on older ones
EMBEDDED = f"{COMMENT},replies.limit(50){{{COMMENT}}}"
EARLIEST = moment("1990-01-01")


async def look(graph: Graph, account: str, since: datetime, pieces: Pieces) -> None:
    """Comments come with the newest first; an answer may be new under an old one."""
    told = await graph.get(f"{account}/media", fields=f"{MEDIA},comments.limit(50){{{EMBEDDED}}}", limit=POSTS)
    for given in entries(told):
        try:
            on = comments.media(given)
        except UNREADABLE as error:
            pieces.rejected.append(Rejected(dumped(given), reason(error)))
            continue
        first = entries(given.get("comments") or {})
        are_new = [_take(entry, on, account, since, pieces) for entry in first]
        if are_new and all(are_new) and inner(given, "comments", "paging", "next"):
            await _earlier(graph, on, account, since, pieces, {str(entry.get("id")) for entry in first})
    await _tags(graph, account, since, pieces)


async def _earlier(graph: Graph, on: Media, account: str, since: datetime, pieces: Pieces, seen: set[str]) -> None:
    async with aclosing(graph.pages(f"{on.id}/comments", fields=EMBEDDED, limit=50)) as pages:
        async for page in pages:
            are_new = [_take(entry, on, account, since, pieces) for entry in page if str(entry.get("id")) not in seen]
            if not all(are_new):
                return


def _take(entry: Json, on: Media, account: str, since: datetime, pieces: Pieces) -> bool:
    """Take in a comment with its answers, as far as they are new; whether it is itself."""
    bare = {name: value for name, value in entry.items() if name != "replies"}
    is_new = _one(bare, on, account, since, pieces, None)
    for answer in entries(entry.get("replies") or {}):
        _one(answer, on, account, since, pieces, str(entry.get("id")))
    return is_new


def _one(given: Json, on: Media, account: str, since: datetime, pieces: Pieces, parent: str | None) -> bool:
    try:
        if moment(given["timestamp"]) < since:
            return False
        pieces.events += comments.listed(given, on, account, parent)
    except UNREADABLE as error:
        pieces.rejected.append(Rejected(dumped(given), reason(error)))
    return True


async def _tags(graph: Graph, account: str, since: datetime, pieces: Pieces) -> None:
    """https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/tags"""
    try:
        told = await graph.get(f"{account}/tags", fields=MEDIA, limit=POSTS)
    except (Permanent, AuthError):
        pieces.passed["tags: the token may not read them"] += 1
        return
    for given in entries(told):
        try:
            event = comments.tagged(given, account)
        except UNREADABLE as error:
            pieces.rejected.append(Rejected(dumped(given), reason(error)))
            continue
        if event.at >= since:
            pieces.events.append(event)


async def listed(graph: Graph, account: str, media_id: str) -> AsyncGenerator[Batch]:
    """Every comment of a post with its answers, page by page."""
    on = comments.media(await graph.get(media_id, fields=MEDIA))
    async with aclosing(graph.pages(f"{media_id}/comments", fields=EMBEDDED, limit=50)) as pages:
        async for page in pages:
            pieces = Pieces()
            for entry in page:
                _take(entry, on, account, EARLIEST, pieces)
            yield pieces.batch()


async def words_of_mention(graph: Graph, account: str, where: str) -> bytes:
    """https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/mentioned_comment, …/mentioned_media"""
    kind, _, name = where.partition("/")
    if not name.isdecimal() or kind not in {"comment", "media"}:
        raise Permanent("Nobody knows which mention this is.")
    if kind == "comment":
        told = await graph.get(account, fields=f"mentioned_comment.comment_id({name}){{text,username,media{{permalink}}}}")
        found, link = told.get("mentioned_comment"), inner(told, "mentioned_comment", "media", "permalink")
    else:
        told = await graph.get(account, fields=f"mentioned_media.media_id({name}){{caption,username,permalink}}")
        found, link = told.get("mentioned_media"), inner(told, "mentioned_media", "permalink")
    text = inner(found, "text") or inner(found, "caption")
    lines = [f"@{inner(found, 'username') or 'somebody'}: {text or ''}", str(link or "")]
    return "\n".join(filter(None, lines)).encode()
