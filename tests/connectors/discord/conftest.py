"""A Discord on this machine for each test, and no pauses between connections."""

from collections.abc import AsyncIterator

import pytest

from connectors import http
from connectors.discord import live
from tests.connectors.discord.fake import Discord, serving


@pytest.fixture
async def discord(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Discord]:
    monkeypatch.setattr(live, "SHORTEST", 0.001)
    http.allow(["127.0.0.0/8"])
    found = Discord()
    async with serving(found):
        yield found
    http.allow([])
