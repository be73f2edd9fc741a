"""What a batch of events changes on pages: gathered once, drawn once for each language, dealt out to each page by its rights and view."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from api.watcher import Watcher
from api.wire import Frame, Press
from inbox.conversations import directory, promised, rows, surroundings, timeline, views
from inbox.conversations.promised import Promise
from inbox.conversations.rows import Mine, Row
from inbox.conversations.surroundings import Waiting
from inbox.conversations.timeline import Entry
from inbox.models import ChannelState, LogEvent, Role
from inbox.promptness import notices
from inbox.team.rights import RANK
from web import fragments
from web.names import Names

MESSAGES = ("message.", "reaction.", "reply.", "moderation.")
WAITS = (
    "message.", "reply.", "wait.", "resolution.", "conversation.moved", "conversation.assigned", "conversation.labelled",
    "conversation.prioritised", "conversation.language_changed",
)  # fmt: skip
# Names, rights or whole conversations changed: what is shown anywhere may be wrong, so pages read themselves again.
EVERYTHING = frozenset({
    "channel.added", "channel.changed", "channel.removed", "member.joined", "member.changed", "member.removed", "team.changed",
    "label.changed", "workspace.changed", "contact.changed", "contact.erased", "calendar.changed", "policy.changed",
    "conversation.merged", "conversation.split", "conversation.divided",
})  # fmt: skip
# What no inbox shows: keys and invitations, the health of channels (settings show it), letters that could not be read, who looked at what.
INVISIBLE = frozenset({
    "channel.recovered", "channel.gap_found", "channel.gap_acknowledged", "channel.token_expiring", "channel.silent",
    "channel.heard", "channel.comparison_asked", "channel.reconciled",
    "dead_letter.kept", "dead_letter.replayed", "template.changed", "token.created",
    "token.revoked", "contact.exported", "figures.viewed", "languages.told", "invitation.created", "invitation.renewed",
    "invitation.mailed", "invitation.revoked", "alert.raised", "alert.acknowledged", "alert.snoozed", "alert.returned", "alert.seen",
    "alert.failed", "alert.changed", "trouble.began", "trouble.ended", "report.scheduled", "report.cancelled", "report.mailed",
})  # fmt: skip
NOBODY = Mine()

STALE = '{"stale":["page"]}'  # the page asks for itself anew


@dataclass(slots=True)
class News:
    """The state of everything that a batch touched, read after the batch."""

    last_id: int
    everything: bool
    troubled: frozenset[int] = frozenset()  # channels that stopped, or were mended: supervisors are told above their lists
    rows: Mapping[int, Row] = field(default_factory=dict[int, Row])
    mine: Mapping[tuple[int, int], Mine] = field(default_factory=dict[tuple[int, int], Mine])
    entries: Mapping[int, list[Entry]] = field(default_factory=dict[int, list[Entry]])
    dropped: Mapping[int, list[int]] = field(default_factory=dict[int, list[int]])
    waiting: Mapping[int, list[Waiting]] = field(default_factory=dict[int, list[Waiting]])
    alerts: Mapping[int, tuple[int, str]] = field(default_factory=dict[int, tuple[int, str]])  # a member's channel and line
    trouble: int = 0  # the newest event that says that something is wrong with Parley itself
    promises: Mapping[int, Promise] = field(default_factory=dict[int, Promise])
    spoken: frozenset[int] = frozenset()  # conversations of which the language is another one now
    names: Names = field(default_factory=lambda: Names(directory.Directory()))


def changes_everything(event: LogEvent) -> bool:
    """Whether names or rights may be others now; a channel that merely became healthy changes neither."""
    return event.kind in EVERYTHING and not (event.kind == "channel.changed" and event.data.get("fields") == ["state"])


def changes_trouble(event: LogEvent) -> bool:
    """Whether a channel may have stopped, or goes on."""
    stops = event.kind == "channel.failed" and event.data.get("state") == ChannelState.BROKEN
    return stops or (event.kind == "channel.changed" and event.data.get("fields") == ["state"])


async def gather(session: AsyncSession, workspace_id: int, events: Sequence[LogEvent], watchers: Collection[Watcher]) -> News:
    """Read what the events touched, with a number of queries that does not grow with them."""
    troubled = frozenset(event.channel_id for event in events if event.channel_id is not None and changes_trouble(event))
    news = News(events[-1].id, any(map(changes_everything, events)), troubled)
    news.trouble = max((event.id for event in events if event.kind == "trouble.began"), default=0)
    news.alerts = await _alerts(session, events, {watcher.member_id for watcher in watchers})
    touched = {event.conversation_id for event in events if event.conversation_id is not None and event.kind not in INVISIBLE}
    if news.everything or not touched:
        return news
    news.rows = await rows.load(session, touched)
    news.mine = await rows.mine(session, touched, {watcher.member_id for watcher in watchers})
    opened = touched & {watcher.conversation for watcher in watchers if watcher.conversation is not None}
    of_opened = [event for event in events if event.conversation_id in opened]
    news.spoken = frozenset(event.conversation_id or 0 for event in of_opened if event.kind == "conversation.language_changed")
    if of_opened:
        news.names = Names(await directory.load(session, workspace_id))
        await _entries(session, news, of_opened)
        waits = {event.conversation_id for event in of_opened if event.conversation_id and event.kind.startswith(WAITS)}
        if waits:
            news.waiting, news.promises = await surroundings.waiting(session, waits), await promised.resolutions(session, waits)
    return news


async def _alerts(session: AsyncSession, events: Sequence[LogEvent], present: Collection[int]) -> dict[int, tuple[int, str]]:
    """The newest alert of each member who is there, with how many more came with it, and its channel."""
    mine: dict[int, list[int]] = {}
    for event in events:
        for member_id in event.data["members"] if event.kind == "alert.raised" else ():
            if member_id in present:
                mine.setdefault(member_id, []).append(event.data["alert"])
    if not mine:
        return {}
    found = {told.id: told for told in await notices.some(session, {alert_ids[-1] for alert_ids in mine.values()})}
    lines: dict[int, tuple[int, str]] = {}
    for member_id, alert_ids in mine.items():
        told = found.get(alert_ids[-1])
        if told is not None and told.is_open:
            shown = {
                "id": told.id,
                "kind": told.kind.value,
                "about": told.about,
                "who": told.who,
                "conversation": told.conversation_id,
                "more": len(alert_ids) - 1,
            }
            lines[member_id] = told.channel_id, json.dumps({"alert": shown}, ensure_ascii=False)
    return lines


async def _entries(session: AsyncSession, news: News, events: Sequence[LogEvent]) -> None:
    said = {event.data["message"]: event for event in events if event.kind.startswith(MESSAGES) and "message" in event.data}
    looked = {event.conversation_id: event for event in events if event.kind == "message.seen" and event.conversation_id is not None}
    if looked:
        said |= dict.fromkeys(await timeline.seen(session, looked), events[-1])
    noted = [event.data["note"] for event in events if event.kind == "note.added"]
    given = {event.data["rating"] for event in events if event.kind == "rating.given"}
    messages = await timeline.messages(session, said) if said else {}
    notes = await timeline.notes(session, noted) if noted else {}
    ratings = await timeline.ratings(session, given) if given else {}
    done = [entry for event in events if (entry := timeline.activity(event)) is not None]
    entries: dict[int, list[Entry]] = {}
    for entry in (*messages.values(), *notes.values(), *ratings.values(), *done):
        entries.setdefault(entry.conversation_id, []).append(entry)
    dropped: dict[int, list[int]] = {}
    for message_id, event in said.items():
        if message_id not in messages and event.conversation_id is not None:
            dropped.setdefault(event.conversation_id, []).append(message_id)
    news.entries, news.dropped = entries, dropped


class Drawing:
    """The news as operations for pages, each drawn once for each language."""

    def __init__(self, news: News, workspace_id: int, timezone: str, now: datetime) -> None:
        self.news = news
        self._workspace_id, self._timezone, self._now = workspace_id, timezone, now
        self._drawn: dict[tuple[str, str, int], str] = {}
        self._settled: dict[tuple[Any, ...], str] = {}
        self._told: dict[tuple[Any, ...], tuple[Frame | None, frozenset[int]]] = {}
        self._press = Press()
        self._particular = {member_id for _, member_id in news.mine}

    def tell(self, watcher: Watcher) -> None:
        """Tell one page what it has to know; pages that show the same to readers with the same state get the very same frame."""
        view = watcher.view
        is_particular = watcher.member_id in self._particular or (view is not None and view.personal)
        member = watcher.member_id if is_particular or watcher.member_id in self.news.alerts else None
        state = (watcher.rows, watcher.end, watcher.conversation, watcher.channels, self._is_troubled(watcher), self._is_needed(watcher))
        like = (watcher.locale, member, view and view.key, *state)
        if like not in self._told:
            ops = self._ops(watcher)
            self._told[like] = (self._press.frame(ops, self.news.last_id) if ops else None, watcher.rows)
        frame, watcher.rows = self._told[like]
        if frame is not None:
            watcher.tell(frame)

    def _ops(self, watcher: Watcher) -> list[str]:
        if self.news.everything:
            return [STALE]
        told = [STALE] if self._is_troubled(watcher) else []
        if self._is_needed(watcher):
            told.append(f'{{"trouble":{self.news.trouble}}}')
        channel_id, line = self.news.alerts.get(watcher.member_id, (0, ""))
        if channel_id in watcher.channels:
            told.append(line)
        for row in self.news.rows.values():
            if row.channel_id in watcher.channels:
                told += self._row(watcher, row)
                if row.id == watcher.conversation:
                    told += self._open(watcher, row)
        return told

    def _is_troubled(self, watcher: Watcher) -> bool:
        return RANK[watcher.access.role] >= RANK[Role.SUPERVISOR] and not self.news.troubled.isdisjoint(watcher.channels)

    def _is_needed(self, watcher: Watcher) -> bool:
        return self.news.trouble > 0 and watcher.access.role is Role.ADMIN

    def _row(self, watcher: Watcher, row: Row) -> list[str]:
        view, known = watcher.view, row.id in watcher.rows
        belongs = views.holds(view, row, watcher.member_id) if view else None
        place = views.place(view, row) if view else None
        if not known:
            if not belongs or (watcher.end is not None and place is not None and place > watcher.end):
                return []
            watcher.rows |= {row.id}
        mine = self.news.mine.get((row.id, watcher.member_id), NOBODY)
        return [self._op(watcher, "row", row.id, row), self._mine(row.id, belongs, place, mine.unread(row), mine.draft)]

    def _open(self, watcher: Watcher, row: Row) -> list[str]:
        told = [self._op(watcher, "head", row.id, row), self._op(watcher, "window", row.id, row)]
        if row.id in self.news.spoken:
            told.append(self._op(watcher, "spoken", row.id, row))
        if row.id in self.news.waiting:
            told += [self._op(watcher, "answers", row.id, row), self._op(watcher, "due", row.id, row)]
        told += [self._op(watcher, entry.kind, entry.id, entry) for entry in self.news.entries.get(row.id, ())]
        return told + [json.dumps({"drop": f"message-{number}"}) for number in self.news.dropped.get(row.id, ())]

    def _op(self, watcher: Watcher, sort: str, number: int, thing: Any) -> str:
        key = (watcher.locale, sort, number)
        if key not in self._drawn:
            frame = fragments.Frame(watcher.locale, self._timezone, self._workspace_id, self._now)
            if sort == "row":
                op: dict[str, Any] = {"row": number, "html": fragments.row(frame, thing)}
            elif sort == "head":
                op = {"put": f"head-{number}", "html": fragments.head(frame, thing)}
            elif sort == "window":
                op = {"put": f"window-{number}", "html": fragments.window(frame, thing)}
            elif sort == "spoken":
                op = {"put": f"spoken-{number}", "html": fragments.spoken(frame, thing)}
            elif sort == "answers":
                op = {"put": f"answers-{number}", "html": fragments.answers(frame, thing, self.news.waiting[number])}
            elif sort == "due":
                op = {"put": f"due-{number}", "html": self._due(frame, thing)}
            else:
                html = fragments.entry(frame, thing, self.news.names)
                op = {"entry": f"{sort}-{number}", "conversation": thing.conversation_id, "html": html}
            self._drawn[key] = json.dumps(op, ensure_ascii=False)
        return self._drawn[key]

    def _due(self, frame: fragments.Frame, row: Row) -> str:
        return fragments.due(frame, row, self.news.waiting[row.id], self.news.promises.get(row.id), self.news.names)

    def _mine(self, *facts: Any) -> str:
        if facts not in self._settled:
            number, belongs, place, unread, draft = facts
            self._settled[facts] = json.dumps({"mine": number, "in": belongs, "place": place, "unread": unread, "draft": draft})
        return self._settled[facts]
