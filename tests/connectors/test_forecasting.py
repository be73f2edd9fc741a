"""The host fits breach forecasts, each once a day, and one that fails costs no other."""

from datetime import datetime

import pytest

from api.deps import House
from connectors.host import forecasting
from connectors.host.accounts import Accounts
from connectors.host.place import Place
from inbox.promptness import forecasts
from tests.inbox.promptness.test_forecasts import quick_and_slow
from tests.make import Make


async def test_what_is_due_is_fitted_once_and_one_that_fails_costs_no_other(
    house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house.database.transaction() as session:
        make = Make(session)
        broken, *_ = await quick_and_slow(make, now, 30)
        good, *_ = await quick_and_slow(make, now, 30)
    accounts = Accounts(house.vault, house.settings, house.database)
    place = Place(house.database, house.files, house.settings, accounts, "host", clock=lambda: now)
    fit, asked = forecasts.fit, []

    async def failing(session, workspace_id, *, now):  # type: ignore[no-untyped-def]
        asked.append(workspace_id)
        if workspace_id == broken:
            raise ArithmeticError("singular")
        return await fit(session, workspace_id, now=now)

    monkeypatch.setattr(forecasts, "fit", failing)
    await forecasting.fit_due(place)
    await forecasting.fit_due(place)
    assert asked == [broken, good]
    async with house.database.transaction() as session:
        assert await forecasts.load(session, broken) is None
        assert await forecasts.load(session, good) is not None
