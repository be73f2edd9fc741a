"""The web application."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

import web
from api import health, hooks, live, measures, problems, security, widget
from api.demo import pages as demo
from api.deps import House
from api.pages import (
    alerts,
    approved,
    contacts,
    conversations,
    forecast,
    inbox,
    metrics,
    moderation,
    people,
    rate,
    resolution,
    satisfaction,
    settings,
    staffing,
    waiting,
    waits,
    wallboard,
    what_if,
    writing,
)
from api.v1 import actions as v1_actions
from api.v1 import alerts as v1_alerts
from api.v1 import calendars as v1_calendars
from api.v1 import channels as v1_channels
from api.v1 import contacts as v1_contacts
from api.v1 import conversations as v1_conversations
from api.v1 import events as v1_events
from api.v1 import forecast as v1_forecast
from api.v1 import messages as v1_messages
from api.v1 import metrics as v1_metrics
from api.v1 import people as v1_people
from api.v1 import policies as v1_policies
from api.v1 import resolutions as v1_resolutions
from api.v1 import satisfaction as v1_satisfaction
from api.v1 import schedules as v1_schedules
from api.v1 import staffing as v1_staffing
from api.v1 import templates as v1_templates
from api.v1 import waits as v1_waits
from api.v1 import what_if as v1_what_if

# The most visited first: tried in this order.
PAGES = (
    inbox, conversations, waiting, writing, moderation, approved, contacts, demo, people, settings, metrics, waits, alerts, resolution,
    satisfaction, wallboard, forecast, what_if, staffing, rate,
)  # fmt: skip
V1 = (
    v1_conversations, v1_messages, v1_actions, v1_channels, v1_templates, v1_people, v1_contacts, v1_calendars, v1_policies, v1_events,
    v1_metrics, v1_waits, v1_alerts, v1_resolutions, v1_satisfaction, v1_forecast, v1_what_if, v1_staffing, v1_schedules,
)  # fmt: skip


def create_app(house: House) -> FastAPI:
    """The app of one process; `house` is what it shares."""
    app = FastAPI(title="Parley", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json", lifespan=lifespan)
    app.state.house = house
    problems.install(app)
    security.install(app)
    app.add_middleware(live.Staying)
    measures.install(app)
    for module in (*PAGES, health, hooks, live, widget):
        app.include_router(module.router, include_in_schema=False)
    for module in V1:
        app.include_router(module.router, prefix="/api/v1")
    app.mount("/static", StaticFiles(directory=Path(web.__file__).parent / "static"), name="static")
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Readers of the log start with the process and end with it."""
    async with live.running(app), hooks.running(app):
        yield
