"""What the three panes of the inbox show, gathered with a constant number of queries."""

import secrets
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

from sqlalchemy.ext.asyncio import AsyncSession

from api import able
from inbox.contract import Capabilities
from inbox.conversations import promised, reading, rows, spoken, surroundings, timeline, views
from inbox.conversations.directory import Directory
from inbox.conversations.promised import Promise
from inbox.conversations.rows import Mine, Row
from inbox.conversations.views import Page, Tally, View
from inbox.errors import NotFound
from inbox.questions import Asked, Questions
from inbox.team import presence, rights
from inbox.team.presence import Person
from inbox.team.rights import Access, ShownChannel
from web.i18n import language

NOBODY: Mine = Mine()


@dataclass(frozen=True, slots=True)
class Side:
    """The left pane."""

    current: str
    counts: Mapping[str, int]
    teams: Mapping[int, str]
    channels: Mapping[int, str]
    looks: Mapping[int, str]  # the platform of a channel, or the one that a demonstration plays
    unread: int  # of what the reader may see


@dataclass(frozen=True, slots=True)
class SideAsking:
    """The questions behind the left pane: queues with their counts, and how much is unread."""

    current: str
    member_id: int | None
    channels: Asked[Sequence[ShownChannel]]
    tallies: Asked[Sequence[Tally]]
    unread: Asked[int] | None

    @classmethod
    def of(cls, board: Questions, access: Access, current: str) -> Self:
        unread = None if access.member_id is None else board.add(reading.counting(access))
        tallies = board.add(views.tallying(access.workspace_id))
        return cls(current, access.member_id, board.add(rights.showing(access)), tallies, unread)

    def pane(self, names: Directory) -> Side:
        found = self.channels.answer
        channels = {channel.id: channel.name for channel in found if not channel.removed}
        looks = {channel.id: channel.looks_like for channel in found if not channel.removed}
        shown = [views.parse(key) for key in _keys(names.teams, channels)]
        counts = views.counts(self.tallies.answer, shown, {channel.id for channel in found}, self.member_id)
        return Side(self.current, counts, names.teams, channels, looks, self.unread.answer if self.unread else 0)


class Item(NamedTuple):
    """A row in its place, with what only its reader sees."""

    row: Row
    place: views.Place
    unread: bool
    draft: bool
    people: Sequence[Person]


@dataclass(frozen=True, slots=True)
class ListPane:
    """The middle pane."""

    view: View
    title: str
    items: Sequence[Item]
    after: str | None
    words: str = ""
    languages: Sequence[str] = ()  # that the list can be narrowed to

    @property
    def end(self) -> str:
        """The place of the last row while there is more behind it: what comes later is not shown yet."""
        if self.after is None or not self.items:
            return ""
        return ",".join(map(str, self.items[-1].place))


@dataclass(frozen=True, slots=True)
class ListAsking:
    """The questions behind one view or search: its rows, the reader's own state of them, and who is there."""

    view: View
    page: Asked[Page] | None
    found: Sequence[Row]
    mine: Asked[dict[tuple[int, int], Mine]] | None
    people: Asked[Sequence[Person]]
    languages: Asked[Sequence[str]]

    @classmethod
    def of(cls, board: Questions, access: Access, view: View, *, found: Sequence[Row] | None, after: str | None, now: datetime) -> Self:
        """`found` is what a search has found."""
        people = board.add(presence.looking_anywhere(access.workspace_id, now=now))
        languages = board.add(spoken.meeting(access.workspace_id))
        if found is None:
            return cls(view, board.add(views.paging(access, view, after=after)), (), None, people, languages)
        members = [access.member_id] if access.member_id else []
        return cls(view, None, found, board.add(rows.minding([row.id for row in found], members)), people, languages)

    def pane(self, words: str, title: str) -> ListPane:
        page = self.page.answer if self.page else Page(self.found, None, {of: state for (of, _), state in self._found_mine().items()})
        people: dict[int, list[Person]] = defaultdict(list)
        for person in self.people.answer:
            people[person.conversation_id].append(person)
        items: list[Item] = []
        for row in page.rows:
            mine = page.mine.get(row.id, NOBODY)
            items.append(Item(row, views.place(self.view, row), mine.unread(row), mine.draft, people.get(row.id, ())))
        return ListPane(self.view, title, items, page.after, words, self.languages.answer)

    def _found_mine(self) -> Mapping[tuple[int, int], Mine]:
        return self.mine.answer if self.mine else {}


@dataclass(frozen=True, slots=True)
class ConversationPane:
    """The right pane."""

    row: Row
    post: surroundings.ShownPost | None
    timeline: timeline.Timeline
    waiting: Sequence[surroundings.Waiting]
    promise: Promise | None
    person: surroundings.Person | None
    draft: surroundings.ShownDraft | None
    people: Sequence[Person]
    capabilities: Capabilities
    has_templates: bool  # approved by the platform
    addresses: Sequence[str]
    first_new: str
    client_key: str


@dataclass(frozen=True, slots=True)
class ConversationAsking:
    """The questions behind one conversation with all that stands around it."""

    conversation_id: int
    row: Asked[list[Row]]
    timeline: timeline.Asking
    around: surroundings.Asking
    people: Asked[Sequence[Person]]
    promises: Asked[Mapping[int, Promise]]

    @classmethod
    def of(cls, board: Questions, access: Access, conversation_id: int, *, before: str | None, now: datetime) -> Self:
        return cls(
            conversation_id,
            row=board.add(rows.one(conversation_id)),
            timeline=timeline.asking(board, conversation_id, before=before),
            around=surroundings.asking(board, access, conversation_id),
            people=board.add(presence.looking([conversation_id], now=now)),
            promises=board.add(promised.resolving([conversation_id])),
        )

    def pane(self) -> ConversationPane:
        around = self.around.around.answer
        if around is None or not self.row.answer:
            raise NotFound("There is no such conversation, or you may not see it.")
        shown = self.timeline.timeline
        return ConversationPane(
            row=self.row.answer[0],
            post=around.post,
            timeline=shown,
            waiting=self.around.waiting.answer[self.conversation_id],
            promise=self.promises.answer.get(self.conversation_id),
            person=self.around.person(around),
            draft=around.draft,
            people=self.people.answer,
            capabilities=able.of(around.platform.name, around.platform.actions),
            has_templates=able.has_templates(around.platform.name),
            addresses=around.platform.addresses,
            first_new=_first_new(shown.entries, around.read),
            client_key=secrets.token_urlsafe(12),
        )


async def title(session: AsyncSession, access: Access, view: View, names: Directory, locale: str) -> str:
    """A view's name; a team or channel that the reader may not see does not exist."""
    _ = language(locale).gettext
    if view.name == "team":
        found = names.teams.get(view.argument or 0)
        if found is None:
            raise NotFound("There is no such team in this workspace.")
        return found
    if view.name == "channel":
        return (await rights.channel(session, access, view.argument or 0)).name
    return {
        "next": _("Answer next"),
        "mine": _("Mine"),
        "unassigned": _("Unassigned"),
        "open": _("All open"),
        "pending": _("Pending"),
        "snoozed": _("Snoozed"),
        "resolved": _("Resolved"),
        "spam": _("Spam"),
    }[view.name]


def _keys(teams: Collection[int], channels: Collection[int]) -> list[str]:
    return [*views.COUNTED, *(f"team:{number}" for number in teams), *(f"channel:{number}" for number in channels)]


def _first_new(entries: Sequence[timeline.Entry], read: int) -> str:
    """The first message from outside that the reader has not seen, when there are read ones before it."""
    inbound = [entry.id for entry in entries if entry.message is not None and entry.message.direction == "in"]
    new = [number for number in inbound if number > read]
    return f"message-{new[0]}" if new and read and len(new) < len(inbound) else ""
