"""Waits of an invented past, in columns, for what is reckoned from them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from inbox.models import Channel, Metric, Outcome, Wait
from inbox.promptness.history import OPEN, OUTCOMES, History
from inbox.promptness.zones import SECOND
from tests.make import Make

IDS = ("id", "conversation", "channel", "identity", "team", "member", "assignee", "policy", "post")
MOMENTS = ("opened", "closed", "received", "due", "breached")
FLAGS = ("late_on_policy", "caught_up_late", "native", "bulk", "by_hand")
USUAL = {"opened": 0, "closed": OPEN, "received": 0, "due": OPEN, "breached": OPEN}
SMALL = {"metric": 0, "kind": 0, "language": 0, "priority": 0, "outcome": -1}


def history(waits: Sequence[dict[str, Any]]) -> History:
    """Waits, each told by what is other than usual: moments in seconds, nobody, no target, still open unless it was closed."""
    waits = sorted(waits, key=lambda wait: wait["opened"])

    def moments(name: str, usual: int) -> Any:
        return np.array([round(wait[name] * SECOND) if wait.get(name) is not None else usual for wait in waits], np.int64)

    def column(name: str, usual: float, kind: Any) -> Any:
        return np.array([wait.get(name, usual) for wait in waits], kind)

    columns: dict[str, Any] = {name: column(name, 0, np.int64) for name in IDS}
    columns["id"] = np.arange(1, len(waits) + 1)
    columns |= {name: moments(name, usual) for name, usual in USUAL.items()}
    columns["received"] = columns["opened"]
    columns |= {name: column(name, usual, np.int8) for name, usual in SMALL.items()}
    answered = OUTCOMES.index(Outcome.ANSWERED)
    columns["outcome"] = np.where((columns["closed"] != OPEN) & (columns["outcome"] == -1), answered, columns["outcome"]).astype(np.int8)
    columns |= {name: column(name, np.nan, np.float64) for name in ("business", "target")}
    columns |= {name: column(name, 0, np.bool_) for name in FLAGS}
    return History(**columns, labels={})


async def stored(make: Make, channel: Channel, waits: Sequence[dict[str, Any]]) -> list[Wait]:
    """The same as rows: those still open each in a conversation of their own, the others in one."""
    shared = await make.conversation(channel)
    identity = await make.identity(channel)
    message = await make.message(shared, identity_id=identity.id)
    rows: list[Wait] = []
    for wait in waits:
        moments = {f"{name}_at": datetime.fromtimestamp(wait[name], UTC) for name in MOMENTS if name in wait}
        rest = {name: value for name, value in wait.items() if name not in MOMENTS}
        conversation = shared if "closed" in wait else await make.conversation(channel, waiting_since=moments["opened_at"])
        given: dict[str, Any] = {
            "workspace_id": channel.workspace_id, "channel_id": channel.id, "conversation_id": conversation.id, "identity_id": identity.id,
            "metric": Metric.FIRST, "opened_by": message.id, "received_at": moments["opened_at"],
            "outcome": Outcome.ANSWERED if "closed" in wait else None,
        }  # fmt: skip
        rows.append(Wait(**{**given, **moments, **rest}))
    make.session.add_all(rows)
    await make.session.flush()
    return rows
