"""All that Reddit lists under a post, and a kept payload that is read again."""

from collections.abc import AsyncGenerator, Iterable
from typing import Any

from pydantic import ValidationError

from connectors.polling import Pieces, kept, reason
from connectors.reddit import parse
from connectors.reddit.api import RedditApi
from connectors.reddit.parse import Account
from connectors.reddit.shapes import SHAPES, Comment, Link, Message
from connectors.rest import Json, inner, objects
from inbox.contract import Batch, Event, Permanent, Rejected

MOST = 500  # comments that are listed at once


def readable(told: Any) -> Iterable[Comment | Link | Message]:
    """The things of a list that can be read."""
    for entry in objects(told):
        shape = SHAPES.get(str(entry.get("kind")))
        try:
            if shape is not None:
                yield shape.model_validate(entry.get("data"))
        except ValidationError:
            continue


async def listed(api: RedditApi, post: str, me: Account) -> AsyncGenerator[Batch]:
    """The post and its comments (https://www.reddit.com/dev/api#GET_comments_{article}); what hides behind "more" is counted."""
    pages = await api.comments(post, MOST)
    link = next((thing for thing in readable(inner(pages[0], "data", "children")) if isinstance(thing, Link)), None)
    pieces = Pieces()
    if link is not None and not me.is_(link.author):
        pieces.events.append(parse.question(link, me))
    for entry in _flat(inner(pages[-1], "data", "children")):
        if entry.get("kind") == "more":
            pieces.passed["comments that Reddit does not list at once"] = int(inner(entry, "data", "count") or 0)
            continue
        try:
            comment = Comment.model_validate(entry.get("data"))
        except ValidationError as error:
            pieces.reject("thing", entry, error)
            continue
        if not comment.is_deleted:
            pieces.events.append(parse.comment(comment, link, me))
    yield Batch(pieces.events, rejected=pieces.rejected, passed_over=pieces.passed)


async def count(api: RedditApi, post: str) -> int:
    told = await api.get("/api/info", id=post)
    for thing in readable(inner(told, "data", "children")):
        if isinstance(thing, Link):
            return thing.num_comments
    raise Permanent("The post is not there any more.")


def reread(raw: bytes, me: Account) -> Batch:
    """A thing that was kept, if it can be read by now."""
    try:
        _, entry = kept(raw)
        return Batch([_event(SHAPES[str(inner(entry, "kind"))].model_validate(inner(entry, "data")), me)])
    except (ValueError, KeyError, RecursionError) as error:  # what pydantic raises is a ValueError
        return Batch(rejected=[Rejected(raw, reason(error))])


def _event(thing: Comment | Link | Message, me: Account) -> Event:
    if isinstance(thing, Message):
        return parse.message(thing, me)
    return parse.question(thing, me) if isinstance(thing, Link) else parse.comment(thing, None, me)


def _flat(told: Any) -> Iterable[Json]:
    """A tree of comments, each before its answers."""
    waiting = objects(told)[::-1]
    while waiting:
        entry = waiting.pop()
        yield entry
        waiting += objects(inner(entry, "data", "replies", "data", "children"))[::-1]
