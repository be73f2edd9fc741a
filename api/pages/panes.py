"""What the three panes of the inbox show, gathered with a constant number of queries."""

import secrets
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

import connectors
from inbox.contract import Capabilities
from inbox.conversations import drafts, reading, rows, search, surroundings, timeline, views
from inbox.conversations.directory import Directory
from inbox.conversations.rows import Mine, Row
from inbox.conversations.views import Page, View
from inbox.errors import NotFound
from inbox.models import Channel, Conversation, Draft, Post
from inbox.team import presence, rights
from inbox.team.presence import Person
from inbox.team.rights import Access
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
class ListPane:
    """The middle pane."""

    view: View
    title: str
    page: Page
    member_id: int | None
    words: str = ""
    mine: Mapping[tuple[int, int], Mine] = field(default_factory=dict[tuple[int, int], Mine])
    people: Mapping[int, list[Person]] = field(default_factory=dict[int, list[Person]])

    def place(self, row: Row) -> tuple[float, int]:
        return views.place(self.view, row)

    def mine_of(self, conversation_id: int) -> Mine:
        return self.mine.get((conversation_id, self.member_id or 0), NOBODY)

    def people_of(self, conversation_id: int) -> list[Person]:
        return self.people.get(conversation_id, [])

    @property
    def end(self) -> str:
        """The place of the last row while there is more behind it: what comes later is not shown yet."""
        if self.page.after is None or not self.page.rows:
            return ""
        first, second = self.place(self.page.rows[-1])
        return f"{first},{second}"


@dataclass(frozen=True, slots=True)
class ConversationPane:
    """The right pane."""

    row: Row
    post: Post | None
    timeline: timeline.Timeline
    waiting: Sequence[surroundings.Waiting]
    person: surroundings.Person | None
    draft: Draft | None
    people: Sequence[Person]
    capabilities: Capabilities
    addresses: Sequence[str]
    first_new: str
    client_key: str


async def side(session: AsyncSession, access: Access, names: Directory, current: str) -> Side:
    """Queues with their counts, and how much is unread: three queries."""
    found = await _channels(session, access)
    visible = {number for number, *_ in found}
    channels = {number: name for number, name, _, removed in found if not removed}
    looks = {number: platform for number, _, platform, removed in found if not removed}
    tallies = await views.tally(session, access.workspace_id)
    shown = [views.parse(key) for key in _keys(names.teams, channels)]
    counts = views.counts(tallies, shown, visible, access.member_id)
    unread = {} if access.member_id is None else await reading.unread(session, access.workspace_id, visible, [access.member_id])
    return Side(current, counts, names.teams, channels, looks, unread.get(access.member_id or 0, 0))


async def list_pane(
    session: AsyncSession, access: Access, view: View, names: Directory, *, words: str, after: str | None, locale: str, now: datetime
) -> ListPane:
    """One view or search, and what its reader sees beside the rows: three queries."""
    if words.strip():
        page = Page(await search.find(session, access, words), None)
    else:
        page = await views.page(session, access, view, after=after)
    ids = [row.id for row in page.rows]
    mine = await rows.mine(session, ids, [access.member_id] if access.member_id else [])
    people: dict[int, list[Person]] = defaultdict(list)
    for person in await presence.people(session, ids, now=now):
        people[person.conversation_id].append(person)
    return ListPane(view, await title(session, access, view, names, locale), page, access.member_id, words.strip(), mine, people)


async def conversation_pane(
    session: AsyncSession, access: Access, conversation: Conversation, *, before: str | None, now: datetime
) -> ConversationPane:
    """One conversation with all that stands around it."""
    row = (await rows.load(session, [conversation.id]))[conversation.id]
    shown = await timeline.load(session, conversation, before=before)
    mine = await rows.mine(session, [conversation.id], [access.member_id] if access.member_id else [])
    channel = await session.get_one(Channel, conversation.channel_id)
    read = mine.get((conversation.id, access.member_id or 0), NOBODY).read or 0
    return ConversationPane(
        row=row,
        post=await surroundings.post(session, conversation),
        timeline=shown,
        waiting=(await surroundings.waiting(session, [conversation.id]))[conversation.id],
        person=await surroundings.person(session, access, conversation),
        draft=await drafts.find(session, access, conversation),
        people=await presence.people(session, [conversation.id], now=now),
        capabilities=capabilities(channel.platform),
        addresses=channel.public_config.get("addresses", ()),
        first_new=_first_new(shown.entries, read),
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


def capabilities(platform: str) -> Capabilities:
    """What the platform can do; a platform whose package is gone can do nothing special."""
    try:
        return connectors.find(platform).capabilities
    except NotFound:
        return Capabilities()


def _keys(teams: Collection[int], channels: Collection[int]) -> list[str]:
    return [*views.COUNTED, *(f"team:{number}" for number in teams), *(f"channel:{number}" for number in channels)]


async def _channels(session: AsyncSession, access: Access) -> Sequence[tuple[int, str, str, bool]]:
    """Every channel that the reader may see, with the platform it shows, and whether it was removed: what came in stays readable."""
    looks = func.coalesce(col(Channel.public_config)["looks_like"].astext, col(Channel.platform))
    query = select(col(Channel.id), col(Channel.name), looks, col(Channel.removed_at).is_not(None)).where(
        col(Channel.workspace_id) == access.workspace_id, rights.sees(access, col(Channel.id))
    )
    found = (await session.execute(query.order_by(col(Channel.name), col(Channel.id)))).all()
    return [(row[0], row[1], row[2], row[3]) for row in found]


def _first_new(entries: Sequence[timeline.Entry], read: int) -> str:
    """The first message from outside that the reader has not seen, when there are read ones before it."""
    inbound = [entry.id for entry in entries if entry.message is not None and entry.message.direction == "in"]
    new = [number for number in inbound if number > read]
    return f"message-{new[0]}" if new and read and len(new) < len(inbound) else ""
