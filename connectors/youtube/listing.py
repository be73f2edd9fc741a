"""All that stands under a video, and a kept payload that is read again."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Any

from pydantic import ValidationError

from connectors.polling import Pieces, kept, reason
from connectors.rest import Json, first, inner
from connectors.youtube import parse
from connectors.youtube.api import YouTubeApi
from connectors.youtube.parse import Said
from connectors.youtube.posts import Posts
from connectors.youtube.shapes import Comment, Thread
from inbox.contract import Batch, Event, Permanent, Post, Rejected

MOST_PAGES = 1000


async def listed(api: YouTubeApi, video: str, whoami: Callable[[], Awaitable[str]]) -> AsyncGenerator[Batch]:
    """Every comment of a video, a batch for each page of threads."""
    me, posts = await whoami(), Posts(api)
    await posts.find([video])
    async for page in api.pages("commentThreads", most=MOST_PAGES, part="snippet,replies", videoId=video, textFormat="plainText"):
        pieces = Pieces()
        for entry in page:
            for said in await _thread(api, entry, pieces):
                pieces.events.append(parse.message(said, posts.get(said.video or video), me))
        yield Batch(pieces.events, rejected=pieces.rejected)


async def count(api: YouTubeApi, video: str) -> int:
    """https://developers.google.com/youtube/v3/docs/videos#statistics.commentCount"""
    told = await api.read("videos", part="statistics", id=video)
    number = inner(first(told.get("items")), "statistics", "commentCount")
    if number is None:
        raise Permanent("YouTube does not say how many comments the video has: they may be turned off.")
    return int(number)


def comments(page: Iterable[Any]) -> Iterable[Comment]:
    """The comments of a page that can be read."""
    for entry in page:
        try:
            yield Comment.model_validate(entry)
        except ValidationError:
            continue


def reread(raw: bytes, me: str) -> Batch:
    """A thread or a comment that was kept, if it can be read by now."""
    try:
        kind, entry = kept(raw)
        if kind == "thread":
            thread = Thread.model_validate(entry)
            found = (thread.snippet.topLevelComment, *thread.replies.comments)
            return Batch([_event(Said(comment, thread.id, thread.snippet.videoId), me) for comment in found])
        comment = Comment.model_validate(entry)
        return Batch([_event(Said(comment, comment.snippet.parentId or comment.id, comment.snippet.videoId), me)])
    except (ValueError, RecursionError) as error:  # what pydantic raises is one
        return Batch(rejected=[Rejected(raw, reason(error))])


def _event(said: Said, me: str) -> Event:
    post = Post(said.video, url=f"{parse.WATCH}{said.video}") if said.video else None
    return parse.message(said, post, me)


async def _thread(api: YouTubeApi, entry: Json, pieces: Pieces) -> list[Said]:
    try:
        thread = Thread.model_validate(entry)
    except ValidationError as error:
        pieces.reject("thread", entry, error)
        return []
    replies = list(thread.replies.comments)
    if thread.snippet.totalReplyCount > len(replies):
        pages = api.pages("comments", most=MOST_PAGES, part="snippet", parentId=thread.id, textFormat="plainText")
        replies = [comment async for page in pages for comment in comments(page)]
    return [Said(comment, thread.id, thread.snippet.videoId) for comment in (thread.snippet.topLevelComment, *replies)]
