"""The shapes of figures in /api/v1."""

from collections.abc import Sequence
from datetime import date, datetime

from pydantic import BaseModel, Field

from api.schemas import Shape
from inbox.models import Metric
from inbox.promptness.question import Cohort, Cut


class FigureOut(Shape):
    """Response times in seconds, of the waits of the period. `key`: channel, team …; null: all of them, or nobody."""

    key: int | str | None
    n: int
    answered: int
    open_now: int
    not_needed: int = Field(description="Ended without an answer.")
    reply_rate: float | None = Field(description="Answered of all, those who still wait among them.")
    p50: float | None = Field(description="Counts those who still wait (Kaplan-Meier); null: too many still wait to know.")
    p50_low: float | None = Field(description="The median lies between this and `p50_high`, 95 % sure; null: beyond.")
    p50_high: float | None
    p90: float | None
    mean: float | None = Field(description="Of the answered alone.")
    share: float | None = Field(description="Answered within the wanted time, 0 to 1.")
    business_p50: float | None = Field(description="By each wait's policy's calendar; without one by the wall clock.")
    business_p90: float | None
    business_mean: float | None
    business_share: float | None
    native: int = Field(description="Answered in the platform's own app.")
    bulk: int = Field(description="Answered together with others.")
    community: int = Field(description="Answered by the community; in none of the other numbers.")
    targeted: int = Field(description="With a target.")
    kept: int
    late: int
    late_on_policy: int = Field(description="Late already when the policy came; in no attainment.")
    caught_up_late: int = Field(description="Reached us only after the due time.")
    attainment: float | None = Field(description="kept / (kept + late + caught_up_late), as customers felt it.")
    team_attainment: float | None = Field(description="kept / (kept + late).")


class AskedOut(BaseModel):
    """What was counted."""

    since: datetime
    until: datetime
    cohort: Cohort = Field(description="arrival: waits count when they began; reply: when they were answered.")


class FiguresOut(AskedOut):
    """The figures of a cut."""

    metric: Metric
    by: Cut
    target_seconds: float
    items: Sequence[FigureOut]


class DayOut(Shape):
    """The waits of a day, in the time zone asked for."""

    on: date
    n: int
    within: int
    open_now: int
    answered: int = Field(description="On this day, whenever they began.")
    backlog: int = Field(description="Waiting at its end; today: now.")
    p50: float | None
    p90: float | None
    business_p50: float | None
    business_p90: float | None
    attainment: float | None


class DaysOut(AskedOut):
    metric: Metric
    timezone: str
    items: Sequence[DayOut]


class WeekOut(AskedOut):
    """By weekday (Monday first) and hour of the time zone."""

    timezone: str
    begun: Sequence[Sequence[int]]
    answered: Sequence[Sequence[int]]
    hours: Sequence[Sequence[float]] = Field(description="How many such hours the period has.")
    handled: float = Field(description="Answers an hour.")


class NowOut(Shape):
    """Who waits at this moment. `ages`: under 15 minutes, an hour, a day, and longer."""

    count: int
    ages: Sequence[int]
    oldest_at: datetime | None
    oldest_conversation_id: int | None


class LagOut(Shape):
    """How long a channel's messages took to reach us, in seconds."""

    key: int
    n: int
    p50: float
    p90: float
    most: float


class UseOut(Shape):
    """How many answers of the period were written with a template."""

    key: int
    name: str
    count: int


class SourcesOut(AskedOut):
    lags: Sequence[LagOut]
    templates: Sequence[UseOut]


class PostLineOut(Shape):
    """What a post drew, and the first answers under it."""

    id: int
    title: str
    channel_id: int
    published_at: datetime
    form: str
    length: int
    hour: int
    conversations: int
    messages: int
    figure: FigureOut | None


class PostsOut(AskedOut):
    timezone: str
    items: Sequence[PostLineOut]


class WaitOut(Shape):
    """One wait behind a number. `business_seconds` of one still open: until now."""

    wait: int
    conversation: int
    channel: int
    opened_at: datetime
    closed_at: datetime | None
    outcome: str | None
    seconds: float
    business_seconds: float
    target_seconds: float | None
    standing: str = Field(description="none, kept, late, caught_up_late, late_on_policy or pending")
