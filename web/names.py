"""Names for the ids of the log, as activity lines write them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from inbox.conversations.directory import Directory


@dataclass(frozen=True, slots=True)
class Names:
    """What the templates ask to word an event."""

    directory: Directory

    def actor(self, actor: str) -> str:
        """A member's name; empty for programs, customers and Parley itself."""
        sort, _, number = actor.partition(":")
        return self.directory.members.get(int(number), "") if sort == "member" and number.isdecimal() else ""

    def owner(self, member_id: int | None, team_id: int | None) -> str:
        """Whom a conversation was given to."""
        member = self.directory.members.get(member_id or 0)
        team = self.directory.teams.get(team_id or 0)
        return " · ".join(name for name in (member, team) if name)

    def labels_changed(self, data: Mapping[str, Any]) -> str:
        """ "+ Refund, − Praise": what was put on and taken off."""
        label = self.directory.labels
        signed = [("+", number) for number in data.get("added", ())] + [("−", number) for number in data.get("removed", ())]
        return ", ".join(f"{sign} {label.get(number, ('…', ''))[0]}" for sign, number in signed)

    def labels_met(self, wanted: Collection[int], worn: Collection[tuple[str, str]]) -> str:
        """Of the labels that a policy asks for, those that a conversation wears."""
        names = {name for name, _ in worn}
        return ", ".join(name for number in wanted if (name := self.directory.labels.get(number, ("", ""))[0]) in names)

    def length(self, seconds: float | None) -> timedelta:
        return timedelta(seconds=seconds or 0)
