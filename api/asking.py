"""What pages, files and programs ask of the figures, read from the address in one way.

The modules that reckon bring numpy (13 MB): they are imported where a figure is asked for, not at start-up.
"""

from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from pydantic import BeforeValidator, Field

from inbox.contract import ConversationKind
from inbox.models import Metric, Priority
from inbox.promptness.question import Filters


def _unless_empty(given: Any) -> Any:
    """A form sends the choices that nobody made, too, as empty ones."""
    return None if given == "" else given


Empty = BeforeValidator(_unless_empty)
Number = Annotated[int, Field(ge=0, lt=2**63)]  # limited inside of "or nothing": nothing has no limits
Key = Annotated[Number | None, Empty, Query()]


async def filters(
    channel: Key = None,
    team: Annotated[Number | None, Empty, Query(description="0: waits of none; so for the others.")] = None,
    member: Annotated[Number | None, Empty, Query(description="Only as the setting member_figures allows.")] = None,
    label: Key = None,
    policy: Key = None,
    post: Key = None,
    priority: Annotated[Priority | None, Empty, Query()] = None,
    kind: Annotated[ConversationKind | None, Empty, Query()] = None,
) -> Filters:
    return Filters(channel=channel, team=team, member=member, label=label, policy=policy, post=post, priority=priority, kind=kind)


FiltersDep = Annotated[Filters, Depends(filters)]
MetricQuery = Annotated[Literal[Metric.FIRST, Metric.NEXT], Query(description="first: first response; next: every later one.")]
