"""What the breach forecast has learnt."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlmodel import Field

from inbox.models.columns import Table, json, moment


class BreachForecast(Table, table=True):
    """A workspace's forecast, fitted anew each day by whichever process comes first."""

    workspace_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="workspace.id", ondelete="CASCADE")
    claimed_at: datetime = moment()  # by a process that fits it
    fitted_at: datetime | None = moment(nullable=True)
    fitted: dict[str, Any] = json()  # as `promptness.forecast.Forecast.from_dict` reads it
