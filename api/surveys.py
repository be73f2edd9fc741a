"""Asks customers how it was. One loop of the work process; `inbox.conversations.surveys` says whom, and this finds the words."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import psycopg
import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

import connectors
from inbox import pauses
from inbox.contract import Capabilities
from inbox.conversations import ratings, surveys
from inbox.conversations.surveys import Due
from inbox.db import Database
from inbox.errors import NotFound
from inbox.models import Channel
from inbox.settings import Settings
from web import render

POLL_SECONDS = 15.0  # a question waits for minutes anyway
PORTION = 100
log = structlog.get_logger()


async def run(database: Database, settings: Settings, stop: asyncio.Event, *, clock: Callable[[], datetime]) -> None:
    """Ask what is due, until `stop`."""
    while not stop.is_set():
        try:
            await ask_due(database, settings, clock=clock)
        except (SQLAlchemyError, psycopg.Error, OSError) as error:  # a database that restarts
            log.warning("asking customers waits for the database", error=type(error).__name__)
        await pauses.happens(stop, POLL_SECONDS)


async def ask_due(database: Database, settings: Settings, *, clock: Callable[[], datetime]) -> int:
    """Ask about each episode that is due, one by one: what cannot be asked keeps nobody else waiting. How many were asked."""
    async with database.transaction() as session:
        episodes = await surveys.due(session, now=clock(), limit=PORTION)
    asked = 0
    for episode_id in episodes:
        try:
            asked += await _ask(database, settings, episode_id, clock())
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            log.warning("a customer could not be asked", error=type(error.orig).__name__, episode=episode_id)
    return asked


async def _ask(database: Database, settings: Settings, episode_id: int, now: datetime) -> bool:
    async with database.transaction() as session:
        due = await surveys.claim(session, episode_id, now=now)
        if due is None:
            return False
        if due.parent is None:
            await surveys.ask_in_chat(session, due, now=now)
            return True
        return await surveys.ask_by_message(session, due, body=words(settings, due), capabilities=_capabilities(due.channel), now=now)


def _capabilities(channel: Channel) -> Capabilities | None:
    try:
        return connectors.find(channel.platform).capabilities
    except (NotFound, ImportError, AttributeError):  # its package is gone: nothing leaves there
        return None


def words(settings: Settings, due: Due) -> str:
    """The question, in the workspace's language; the customer's own link is put in when it leaves."""
    link = f"{settings.public_url}{ratings.LINK}"
    return render.fragment("rating/question.txt", due.workspace.locale, link=link).strip()
