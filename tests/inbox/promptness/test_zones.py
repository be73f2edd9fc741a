"""When clocks change."""

from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from inbox.promptness import zones


@pytest.mark.parametrize("name", ["Africa/Cairo", "Africa/Casablanca", "America/Sao_Paulo", "Asia/Amman", "Pacific/Apia", "Europe/Berlin"])
def test_no_change_is_missed_by_looking_once_a_week(name):
    zone, day = ZoneInfo(name), zones.first_day(1970)
    known = [change for year in range(1970, 2031) for change in zones.changes(zone, year)]
    looked = [(zones.offset(zone, at), at) for at in range(day, zones.first_day(2031), zones.DAY)]
    seen = [(after, at) for (before, _), (after, at) in pairwise(looked) if before != after]
    assert [offset for _, offset in known] == [offset for offset, _ in seen]
    for (at, offset), (_, seen_at) in zip(known, seen, strict=True):
        assert seen_at - zones.DAY < at <= seen_at
        assert zones.offset(zone, at) == offset != zones.offset(zone, at - zones.SECOND)
