"""How far each folder was read, and what is new in it."""

import asyncio
import heapq
import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Self, cast

from connectors.email import parse
from connectors.email.config import EmailConfig
from connectors.email.imap import Folder, Mail, Mailbox
from inbox.contract import Batch, CursorExpired

MOST_MAILS = 50  # in one batch
MOST_BYTES = 8 * 1024 * 1024  # in one batch, unless one mail is larger
SIZES_AT_ONCE = 200
OVERLAP = timedelta(days=2)  # a search by day knows no time zones


@dataclass(frozen=True, slots=True)
class Place:
    """The last UID that was read. It counts only under this validity; `day` is when the newest mail came."""

    uidvalidity: int
    uid: int
    day: str


@dataclass(slots=True)
class Progress:
    """Places by folder: the cursor of a mailbox."""

    places: dict[str, Place] = field(default_factory=dict[str, Place])

    @classmethod
    def read(cls, cursor: str | None) -> Self:
        """The places that a cursor holds; one that cannot be read is as good as forgotten."""
        if cursor is None:
            return cls()
        try:
            told = cast("dict[str, dict[str, int | str]]", json.loads(cursor))
            places = {name: Place(int(place["uidvalidity"]), int(place["uid"]), str(place["day"])) for name, place in told.items()}
            for place in places.values():
                date.fromisoformat(place.day)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CursorExpired("The place in this mailbox cannot be read: it is read again from the days of history.") from None
        return cls(places)

    def cursor(self) -> str:
        return json.dumps({name: asdict(place) for name, place in self.places.items()}, sort_keys=True)

    def advance(self, folder: Folder, uid: int, at: datetime | None = None) -> None:
        before = self.places.get(folder.name)
        known = before if before and before.uidvalidity == folder.validity else None
        day = max(at.date().isoformat() if at else "", before.day if before else "") or datetime.now(UTC).date().isoformat()
        self.places[folder.name] = Place(folder.validity, max(uid, known.uid if known else 0), day)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A mail that is not fetched yet."""

    folder: Folder
    mail: Mail


def folders(config: EmailConfig) -> tuple[str, ...]:
    """The folders to read; the last one is the one to watch."""
    sent = config.sent_folder if config.sent_folder != config.folder else ""
    return (sent, config.folder) if sent else (config.folder,)


async def news(mailbox: Mailbox, config: EmailConfig, progress: Progress) -> AsyncGenerator[Batch]:
    """Everything unread, in the order in which it came over all folders: an answer never comes in before its question."""
    before = progress.cursor()
    states: list[Folder] = []
    waiting: list[list[_Waiting]] = []
    for name in folders(config):
        place = progress.places.get(name)
        if place and name != config.folder:
            state = await mailbox.status(name)
            if (state.validity, state.next_uid) == (place.uidvalidity, place.uid + 1):
                continue
        state = await _select(mailbox, config, name)
        states.append(state)
        waiting.append([_Waiting(state, mail) for mail in await _unread(mailbox, config, state, place)])
    for chunk in _chunks(list(heapq.merge(*waiting, key=lambda entry: entry.mail.at)), config.largest_mail):
        batch = await _fetch(mailbox, config, progress, chunk)
        before = progress.cursor()
        yield batch
        if config.mark_seen:
            await _mark_seen(mailbox, config, chunk)
    for state in states:
        progress.advance(state, state.next_uid - 1)
    if progress.cursor() != before:
        yield Batch(cursor=progress.cursor())


async def wait(mailbox: Mailbox, config: EmailConfig, progress: Progress) -> None:
    """Until there may be news: pushed by the server for the inbox, looked for in the sent folder."""
    await _select(mailbox, config, config.folder)
    known = mailbox.exists
    if not await mailbox.after(progress.places[config.folder].uid):
        await mailbox.wait(min(config.renew, config.poll) if len(folders(config)) > 1 else config.renew, known)


async def _select(mailbox: Mailbox, config: EmailConfig, name: str) -> Folder:
    if mailbox.selected is not None and mailbox.selected.name == name:
        return mailbox.selected
    return await mailbox.select(name, read_only=not (config.mark_seen and name == config.folder))


async def _unread(mailbox: Mailbox, config: EmailConfig, state: Folder, place: Place | None) -> list[Mail]:
    if place is None:
        first = datetime.now(UTC).date() - timedelta(days=config.since)
        uids = await mailbox.since(first) if config.since else []
    elif place.uidvalidity != state.validity:
        # The server numbers its mail anew. What is fetched a second time is known by its Message-ID.
        first = min(datetime.now(UTC).date() - timedelta(days=config.since), date.fromisoformat(place.day) - OVERLAP)
        uids = await mailbox.since(first)
    else:
        uids = await mailbox.after(place.uid)
    found: list[Mail] = []
    for start in range(0, len(uids), SIZES_AT_ONCE):
        found.extend(await mailbox.sizes(uids[start : start + SIZES_AT_ONCE]))
    return sorted(found, key=lambda mail: mail.uid)


def _chunks(waiting: Sequence[_Waiting], largest: int) -> Iterator[list[_Waiting]]:
    chunk: list[_Waiting] = []
    weight = 0
    for entry in waiting:
        size = min(entry.mail.size, largest)
        if chunk and (len(chunk) >= MOST_MAILS or weight + size > MOST_BYTES):
            yield chunk
            chunk, weight = [], 0
        chunk.append(entry)
        weight += size
    if chunk:
        yield chunk


async def _fetch(mailbox: Mailbox, config: EmailConfig, progress: Progress, chunk: list[_Waiting]) -> Batch:
    sources: dict[tuple[str, int], parse.Source] = {}
    for name in folders(config):
        uids = [entry.mail.uid for entry in chunk if entry.folder.name == name]
        if uids:
            await _select(mailbox, config, name)
        for mail in await mailbox.fetch(uids, config.largest_mail):
            sources[name, mail.uid] = parse.Source(mail.source, mail.at, mail.size, sent=name != config.folder)
    for entry in chunk:
        progress.advance(entry.folder, entry.mail.uid, entry.mail.at)
    # A mail that somebody deleted between the two looks is not there any more.
    ordered = [sources[key] for key in ((entry.folder.name, entry.mail.uid) for entry in chunk) if key in sources]
    return await asyncio.to_thread(parse.batch, ordered, config, progress.cursor())


async def _mark_seen(mailbox: Mailbox, config: EmailConfig, chunk: list[_Waiting]) -> None:
    uids = [entry.mail.uid for entry in chunk if entry.folder.name == config.folder]
    if uids:
        await _select(mailbox, config, config.folder)
        await mailbox.mark_seen(uids)
