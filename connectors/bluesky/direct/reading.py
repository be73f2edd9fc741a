"""Private messages as a stream of batches: what the log of the account tells after a place in it.

https://github.com/bluesky-social/atproto/blob/main/lexicons/chat/bsky/convo/getLog.json. Asked without a place the log begins now (as its
makers say: https://github.com/bluesky-social/atproto/issues/2760), so that the place is taken first and the history read after it: what
comes in between is told twice, and known by its id.
"""

import json
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace

from pydantic import ValidationError

from connectors.bluesky.direct import history, parse
from connectors.bluesky.direct.shapes import Message, is_group, people
from connectors.bluesky.parse import Passed
from connectors.bluesky.place import Place
from connectors.bluesky.reading import reason_of
from connectors.bluesky.server import NOT_ALLOWED, NotAllowed, Refusal, Server
from connectors.bluesky.shapes import Account, Json, as_dict, as_list, as_text
from inbox.contract import Batch, Event, Rejected, Transient

IN_A_BATCH = 50
MOST_KNOWN = 2000  # conversations
MOST_SEEN = 5000  # lines of the log
CLOSED = 900.0  # seconds until a chat that is closed to us is tried again: the page shows what was told in the last twenty minutes
TROUBLE = 60.0  # seconds until one that fails is
LONGEST_NAME = 60


class ChatReader:
    """One stream of an account's private messages. Trouble here leaves the public side alone; the channel's page is told of it."""

    def __init__(self, server: Server, me: Json, place: Place, wanted: int) -> None:
        self._server, self._did, self._place, self._wanted = server, as_text(me.get("did")), place, wanted
        self._me = people([me])
        self._convos: OrderedDict[str, Json] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._closed_until = float("-inf")

    async def look(self) -> AsyncGenerator[Batch]:
        """Everything that is new, oldest first."""
        if time.monotonic() < self._closed_until:
            return
        try:
            async with aclosing(self._news()) as batches:
                async for batch in batches:
                    yield batch
            return
        except NotAllowed:
            advice, seconds = NOT_ALLOWED, CLOSED
        except Refusal as error:
            why = error.name[:LONGEST_NAME] or "without a reason"
            advice, seconds = f"Private messages are not read: the server does not pass them on ({why}).", CLOSED
        except Transient:
            advice, seconds = "Private messages cannot be read just now; it is tried again.", TROUBLE
        self._closed_until = time.monotonic() + seconds
        yield Batch(cursor=str(self._place), passed_over={advice: 1})

    async def _news(self) -> AsyncGenerator[Batch]:
        """The place moves once all before it is read: what fails on the way comes again."""
        while True:
            told, is_lost = await self._log()
            is_new, before = is_lost or not self._place.chat, str(self._place)
            if is_new:
                async with aclosing(self._history(before, is_lost)) as batches:
                    async for batch in batches:
                        yield batch
            entries = self._unseen(as_list(told["logs"]))
            read = [await self._batch(entries[start : start + IN_A_BATCH]) for start in range(0, len(entries), IN_A_BATCH)]
            self._see(entries)
            self._place.chat = as_text(told["cursor"])
            for batch in read[:-1]:
                yield replace(batch, cursor=before)
            if read or is_new:
                yield replace(read[-1] if read else Batch(), cursor=str(self._place))
            if not entries:
                return

    async def _log(self) -> tuple[Json, bool]:
        """The log after our place, or from now on; and whether the service no longer knows our place."""
        try:
            return await self._asked(self._place.chat), False
        except NotAllowed:
            raise
        except Refusal:
            if not self._place.chat:
                raise
            return await self._asked(""), True  # where that is refused too, our place is kept

    async def _asked(self, cursor: str) -> Json:
        more = {"cursor": cursor} if cursor else {}
        told = await self._server.get("chat.bsky.convo.getLog", **more)
        if not isinstance(told.get("logs"), list) or not as_text(told.get("cursor")):
            raise Transient("The server answered with something that is not what was agreed.")
        return told

    async def _history(self, before: str, is_lost: bool) -> AsyncGenerator[Batch]:
        """The latest messages; their batches carry no place in the log, so that a process that dies here begins again."""
        convos, entries = await history.latest(self._server, self._wanted)
        for convo in convos:
            self._know(convo)
        if is_lost:
            yield Batch(cursor=before, gap=True)
        for start in range(0, len(entries), IN_A_BATCH):
            yield replace(await self._batch(entries[start : start + IN_A_BATCH], is_past=True), cursor=before)

    async def _batch(self, entries: Sequence[Json], *, is_past: bool = False) -> Batch:
        """Read these; what cannot be read is kept, what means nothing is counted. What is past tells its reactions too."""
        events, rejected, passed = list[Event](), list[Rejected](), Counter[str]()
        for told in entries:
            try:
                events += await self._events(told, is_past=is_past)
            except Passed as reason:
                passed[str(reason)] += 1
            except ValidationError as error:
                rejected.append(Rejected(json.dumps(told).encode(), reason_of(error)))
        return Batch(events, rejected=rejected, passed_over=passed)

    async def _events(self, told: Json, *, is_past: bool) -> list[Event]:
        name, entry = parse.read(told)
        convo = await self._convo(entry.convo_id)
        if is_group(convo):
            raise Passed("a chat of more than two")
        known: dict[str, Account] = self._me | people(as_list(convo.get("members"))) | people(as_list(told.get("relatedProfiles")))
        found = [parse.event(name, entry, known, self._did, parse.now())]
        if is_past:
            about = Message.model_validate(entry.message)
            found += [parse.reaction_event(entry.convo_id, about, one, known, self._did) for one in parse.reactions(about)]
        return found

    async def _convo(self, name: str) -> Json:
        """A conversation; nothing where we have left it."""
        if name in self._convos:
            return self._convos[name]
        try:
            found = as_dict((await self._server.get("chat.bsky.convo.getConvo", convoId=name)).get("convo"))
        except NotAllowed:
            raise
        except Refusal:
            found = Json()
        self._know(found | {"id": name})
        return self._convos[name]

    def _know(self, convo: Json) -> None:
        self._convos[as_text(convo.get("id"))] = convo
        if len(self._convos) > MOST_KNOWN:
            self._convos.popitem(last=False)

    def _unseen(self, logs: Iterable[object]) -> list[Json]:
        """Lines that were not read before, in their order: a service may begin with the one that our place names."""
        return [told for told in map(as_dict, logs) if _named(told) not in self._seen]

    def _see(self, entries: Iterable[Json]) -> None:
        self._seen |= dict.fromkeys(map(_named, entries))
        while len(self._seen) > MOST_SEEN:
            self._seen.popitem(last=False)


def _named(told: Json) -> str:
    return " ".join(as_text(told.get(part)) for part in ("$type", "convoId", "rev"))
