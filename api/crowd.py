"""Colleagues and typing visitors seen at conversations: what pages are told beside the log."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from api.deps import House
from api.watcher import Watcher
from api.wire import Press
from inbox.conversations import visits
from inbox.team import presence, rights
from inbox.team.presence import Person
from web import fragments

LONG = 3600.0  # seconds


class Crowd:
    """Who is where, until when; pages are told when somebody comes, types or is gone."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._changed: set[int] = set()
        self._until: dict[int, datetime] = {}  # conversation → when its crowd changes by itself

    def moved(self, payload: str) -> None:
        """A wake-up's payload: "workspace conversation"."""
        _, _, number = payload.partition(" ")
        if number.isdecimal():
            self._changed.add(int(number))

    def rest(self) -> float:
        """Seconds until somebody's time runs out."""
        if not self._until:
            return LONG
        return max(0.05, (min(self._until.values()) - self._house.clock()).total_seconds() + 0.05)

    async def tell(self, watchers: Collection[Watcher]) -> bool:
        """Tell the pages that show a conversation who is there now; whether there was anything to look for."""
        now = self._house.clock()
        over = {number for number, until in self._until.items() if until <= now}
        changed, self._changed = self._changed | over, set()
        near = [watcher for watcher in watchers if watcher.conversation in changed or not changed.isdisjoint(watcher.rows)]
        shown = {number for watcher in near for number in (*watcher.rows, watcher.conversation) if number in changed}
        for number in changed:
            self._until.pop(number, None)
        if not shown:
            return False
        people: dict[int, list[Person]] = defaultdict(list)
        async with self._house.database.transaction() as session:
            for person in (*await presence.people(session, shown, now=now), *await visits.typing_in(session, shown, now=now)):
                people[person.conversation_id].append(person)
                self._until[person.conversation_id] = min(person.until, self._until.get(person.conversation_id, person.until))
            channels = await rights.channels_of(session, shown)
        drawn, press = Drawn(people), Press()
        for watcher in near:
            if ops := self._ops(watcher, channels, drawn):
                watcher.tell(press.frame(ops))
        return True

    def _ops(self, watcher: Watcher, channels: Mapping[int, int], drawn: "Drawn") -> list[str]:
        told: list[str] = []
        for number, channel_id in channels.items():
            if channel_id not in watcher.channels:
                continue
            wheres = [*(["row"] if number in watcher.rows else []), *(["pane"] if number == watcher.conversation else [])]
            told += [drawn.op(watcher.locale, number, where) for where in wheres]
        return told


class Drawn:
    """Who is there, drawn once for each language and place."""

    def __init__(self, people: Mapping[int, list[Person]]) -> None:
        self._people = people
        self._ops: dict[tuple[str, int, str], str] = {}

    def op(self, locale: str, number: int, where: str) -> str:
        key = (locale, number, where)
        if key not in self._ops:
            html = fragments.here(locale, number, self._people.get(number, ()), where)
            self._ops[key] = json.dumps({"put": f"here-{where}-{number}", "html": html}, ensure_ascii=False)
        return self._ops[key]
