"""Who has written, and what they answer: asked of the relay once (https://github.com/nostr-protocol/nips/blob/master/01.md#kinds)."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, cast

from pydantic import ValidationError

from connectors.nostr import names, notes, parse
from connectors.nostr.notes import Note
from connectors.nostr.parse import Thread
from connectors.nostr.relay import Json, Relay
from inbox.contract import Author

MOST_KNOWN = 2000
HIGHEST = 50  # notes above one


class Known:
    """Profiles, notes and threads, as far as they were met."""

    def __init__(self, me: str) -> None:
        self.me = me
        self._authors: OrderedDict[str, Author] = OrderedDict()
        self._notes: OrderedDict[str, Note | None] = OrderedDict()
        self._threads: OrderedDict[str, Thread] = OrderedDict()

    async def meet(self, relay: Relay, found: Iterable[Note]) -> None:
        """Ask for everybody's name at once, and for what is answered or reacted to."""
        found = list(found)
        for note in found:
            _note(self._notes, note.id, note)
        strangers = {note.pubkey for note in found} - self._authors.keys()
        unknown = {name for note in found for name in note.values("e")} - self._notes.keys()
        if strangers:
            told = await read(await relay.query({"kinds": [notes.PROFILE], "authors": sorted(strangers)}))
            profiles = {note.pubkey: note for note in sorted(told, key=lambda note: note.created_at)}
            for key in strangers:
                _note(self._authors, key, self._author(key, profiles.get(key)))
        if unknown:
            there = {note.id: note for note in await read(await relay.query({"ids": sorted(unknown)}))}
            for name in unknown:
                _note(self._notes, name, there.get(name))

    async def author(self, relay: Relay, key: str) -> Author:
        if key not in self._authors:
            (profile, *_) = [*await read(await relay.query({"kinds": [notes.PROFILE], "authors": [key]})), None]
            _note(self._authors, key, self._author(key, profile))
        return self._authors[key]

    async def note(self, relay: Relay, name: str) -> Note | None:
        """A note, if the relay has it."""
        if name not in self._notes:
            (found, *_) = [*await read(await relay.query({"ids": [name]})), None]
            _note(self._notes, name, found)
        return self._notes[name]

    async def thread(self, relay: Relay, note: Note) -> Thread:
        """Where a note belongs: the first note that is for us begins a conversation.

        It hangs on the last of our own before it, or on the note of somebody else that the talk is about.
        """
        chain = [note]
        while chain[0].parent and chain[0].parent not in self._threads and len(chain) < HIGHEST:
            above = await self.note(relay, chain[0].parent)
            if above is None or above in chain:
                break
            chain.insert(0, above)
        for one in chain:
            _note(self._threads, one.id, await self._hung(relay, one))
        return self._threads[note.id]

    async def _hung(self, relay: Relay, note: Note) -> Thread:
        """The thread of a note whose parent's is known, if it has one here."""
        own, above = note.pubkey == self.me, self._threads.get(note.parent or "")
        if above is None:
            is_for_us = own or self.me in note.values("p")
            return Thread(note.id, None if is_for_us and not own else await self._post(relay, note), is_ours=own or not is_for_us)
        if not above.is_ours:
            return above
        return Thread(note.id, await self._post(relay, note), is_ours=True) if own else Thread(note.id, above.post)

    async def _post(self, relay: Relay, note: Note) -> Any:
        return parse.post_of(note, await self.author(relay, note.pubkey))

    def _author(self, key: str, profile: Note | None) -> Author:
        try:
            told: Any = json.loads(profile.content) if profile else {}
        except (ValueError, RecursionError):
            told = {}
        shown = cast("Json", told) if isinstance(told, dict) else {}
        texts = {name: value for name, value in shown.items() if isinstance(value, str)}
        public = names.encode("npub", bytes.fromhex(key))
        name = texts.get("display_name") or texts.get("name") or f"{public[:12]}…"
        return Author(key, name, texts.get("nip05") or texts.get("name"), texts.get("picture"), is_self=key == self.me)


async def read(told: Iterable[Json]) -> list[Note]:
    """The genuine events among these: what is missing here is only context."""
    found: list[Note] = []
    for entry in told:
        try:
            note = Note.model_validate(entry)
        except ValidationError:
            continue
        if await is_genuine(note):
            found.append(note)
    return found


async def is_genuine(note: Note) -> bool:
    """Check one signature, which takes milliseconds, and let others have their turn."""
    await asyncio.sleep(0)
    return note.is_genuine()


def _note(known: OrderedDict[str, Any], name: str, value: Any) -> None:
    known[name] = value
    if len(known) > MOST_KNOWN:
        known.popitem(last=False)
