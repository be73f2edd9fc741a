"""The web application in the house of a test."""

from functools import cache

from fastapi import FastAPI

from api.app import create_app
from api.deps import House


@cache
def _app() -> FastAPI:
    return create_app(None)  # type: ignore[arg-type]  # each test gives it a house of its own


def app_of(house: House) -> FastAPI:
    """The application in this house. Putting its routes together, at their first match, takes the processor a second: once is enough."""
    app = _app()
    app.state.house = house
    return app
