"""What figures are told beside the waits: how late channels bring messages, how often templates are used, what posts draw."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.models import Conversation, Delivery, Message, Metric, Post, Template
from inbox.promptness import metrics, percentiles
from inbox.promptness.metrics import Basis, Figure
from inbox.promptness.question import Cut, Question
from inbox.promptness.reading import Column
from inbox.promptness.zones import SECOND
from inbox.team import rights
from inbox.team.rights import Access

MOST_POSTS = 200
LENGTHS = (80, 280, 1000)  # characters: up to the first, the second …, longer


@dataclass(frozen=True, slots=True)
class Lag:
    """How long a channel's messages took to reach us, in seconds: of those that began the waits of the period."""

    key: int
    n: int
    p50: float
    p90: float
    most: float


@dataclass(frozen=True, slots=True)
class Use:
    """How many answers of the period were written with a template that there is still; `key` is its id."""

    key: int
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class PostLine:
    """What a post drew: threads and messages under it, and how prompt the answers were. `form`: text, picture or pictures."""

    id: int
    title: str
    channel_id: int
    published_at: datetime
    form: str
    length: int
    hour: int
    conversations: int
    messages: int
    figure: Figure | None


@dataclass(frozen=True, slots=True)
class PostGroup:
    """Posts of a sort together: how many, and what one of them draws on average."""

    key: str | int
    posts: int
    conversations: float
    messages: float


def lags(basis: Basis) -> list[Lag]:
    """By channel, by arrival."""
    waits = basis.begun
    late = np.maximum(waits.received - waits.opened, 0)
    known, codes = percentiles.coded(waits.channel)
    parts = percentiles.split(codes, late, len(known)) if len(known) else []
    return [Lag(key, len(part), *_percentiles(part, 0.5, 0.9, 1)) for key, part in zip(known.tolist(), parts, strict=True)]


def _percentiles(late: Column, *shares: float) -> list[float]:
    """By the order of all: numpy puts everything in order faster than it finds three places."""
    places = [math.ceil(share * len(late)) - 1 for share in shares]
    return (np.sort(late)[places] / SECOND).tolist()


async def templates(session: AsyncSession, access: Access, question: Question) -> list[Use]:
    """The most used first, on the channels that the member may see."""
    count = func.count().label("count")
    query = (
        select(col(Template.id), col(Template.name), count)
        .join(Message, col(Message.template_id) == col(Template.id))
        .where(
            col(Message.workspace_id) == access.workspace_id,
            col(Message.template_id).is_not(None),
            col(Message.delivery) == Delivery.SENT,
            col(Message.at) >= question.since,
            col(Message.at) < question.until,
            rights.sees(access, col(Message.channel_id)),
        )
        .group_by(col(Template.id), col(Template.name))
        .order_by(count.desc(), col(Template.name))
    )
    return [Use(*row) for row in (await session.execute(query)).all()]


async def posts(session: AsyncSession, access: Access, basis: Basis, zone: ZoneInfo) -> list[PostLine]:
    """The posts of the period that drew most, and the first answers under each."""
    question = basis.question
    threads, said = func.count().label("threads"), func.coalesce(func.sum(col(Conversation.message_count)), 0).label("said")
    media = func.jsonb_array_length(col(Post.media))
    form = case((media == 0, "text"), (media == 1, "picture"), else_="pictures")
    length = func.length(col(Post.text))
    published = func.coalesce(col(Post.published_at), col(Post.created_at))  # not every platform says when
    title = func.left(func.coalesce(func.nullif(col(Post.title), ""), col(Post.text)), 120)
    query = (
        select(col(Post.id), title, col(Post.channel_id), published, form, length, threads, said)
        .join(Conversation, col(Conversation.post_id) == col(Post.id))
        .where(
            col(Post.workspace_id) == access.workspace_id,
            rights.sees(access, col(Post.channel_id)),
            published >= question.since,
            published < question.until,
        )
        .group_by(col(Post.id))
        .order_by(said.desc(), col(Post.id))
        .limit(MOST_POSTS)
    )
    if question.filters.channel is not None:
        query = query.where(col(Post.channel_id) == question.filters.channel)
    figures = {figure.key: figure for figure in metrics.cut(basis, Cut.POST, Metric.FIRST)}
    rows: Sequence[Any] = (await session.execute(query)).all()
    return [_post(row, zone, figures.get(row[0])) for row in rows]


def grouped(lines: Sequence[PostLine]) -> dict[str, list[PostGroup]]:
    """By form, by length (the key is its upper bound, 0 for longer than all) and by hour of publishing."""
    sorts: dict[str, Callable[[PostLine], str | int]] = {
        "form": lambda line: line.form,
        "length": lambda line: next((bound for bound in LENGTHS if line.length <= bound), 0),
        "hour": lambda line: line.hour,
    }
    found: dict[str, list[PostGroup]] = {}
    for sort, key in sorts.items():
        parts: dict[str | int, list[PostLine]] = {}
        for line in lines:
            parts.setdefault(key(line), []).append(line)
        found[sort] = [
            PostGroup(
                name, len(part), sum(line.conversations for line in part) / len(part), sum(line.messages for line in part) / len(part)
            )
            for name, part in sorted(parts.items(), key=lambda item: (item[0] == 0 and sort == "length", item[0]))
        ]
    return found


def _post(row: Sequence[Any], zone: ZoneInfo, figure: Figure | None) -> PostLine:
    number, title, channel_id, published_at, form, length, conversations, messages = row
    hour = published_at.astimezone(zone).hour
    return PostLine(number, title, channel_id, published_at, form, length, hour, conversations, messages, figure)
