"""The websocket that keeps a page true."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

router = APIRouter()


@asynccontextmanager
async def running(app: FastAPI) -> AsyncGenerator[None]:
    """Read the log as long as the process lives."""
    del app
    yield
