"""An account as batches: lists that begin with their newest, and now and then the things themselves, for edits and deletions.

Reddit's `before` answers with nothing for ever once the thing that it names is deleted, and nobody is told; so lists are read from their
newest entry back to what was met before (`polling.Reach`), which costs the same one request where little is said.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import ValidationError

from connectors.polling import Pieces, Reach, digest, now
from connectors.reddit import parse
from connectors.reddit.api import DEEPEST, PAGE, RedditApi
from connectors.reddit.config import RedditConfig
from connectors.reddit.links import Links
from connectors.reddit.parse import Account
from connectors.reddit.place import Place
from connectors.reddit.shapes import REMOVED, SHAPES, Comment, Link, Message
from connectors.rest import Json, inner, objects
from inbox.contract import Batch, Event, EventKind

SWEEP = 15  # every so many looks, what is known is looked at again
WATCHED = 300  # things that are asked for again
OVERLAP = timedelta(minutes=10)
HIDDEN = "|hidden"


class Reader:
    """One stream of an account."""

    def __init__(self, api: RedditApi, config: RedditConfig, me: Account, place: Place) -> None:
        self.api, self.me, self.place, self._history = api, me, place, config.history
        self.links = Links(api)
        self._looks = 0
        self._lists = [f"/r/{config.together}/new", f"/r/{config.together}/comments"] if config.subreddits else []
        if config.inbox:
            self._lists += ["/message/inbox", "/message/sent", f"/user/{me.name}/comments"]

    async def look(self) -> Iterable[Batch]:
        """Everything that has become known since the last look, oldest first."""
        before, pieces = str(self.place) if self.place.newest else None, Pieces()
        found = [(entry, path) for path in self._lists for entry in await self._new(path, pieces)]
        found.sort(key=lambda one: _written(one[0]) or now())  # what is answered comes before its answer
        things = [(thing, path) for entry, path in found if (thing := self.opened(entry, pieces)) is not None]
        self.links.know(thing for thing, _ in things if isinstance(thing, Link))
        await self.links.find(thing.post for thing, _ in things if isinstance(thing, Comment))
        for thing, path in things:
            self._tell(thing, pieces, only_known=path.startswith("/user/"))
        if before and self._looks % SWEEP == 0:
            await self._sweep(pieces)
        self._looks += 1
        pieces.events.sort(key=lambda event: event.at)
        return pieces.batches(before, str(self.place))

    async def _new(self, path: str, pieces: Pieces) -> list[Json]:
        until = self.place.newest.get(path)
        reach = Reach(until, self._history, OVERLAP)
        found = await reach.read(self.api.pages(path), _written, DEEPEST)
        pieces.gap = pieces.gap or reach.gap
        self.place.newest[path] = reach.newest
        return [entry for entry in found if until is None or (_written(entry) or until) >= until - OVERLAP]

    def opened(self, entry: Json, pieces: Pieces) -> Comment | Link | Message | None:
        """A thing of a list, if it can be read and means something here."""
        kind = str(entry.get("kind", ""))
        shape = SHAPES.get(kind)
        if shape is None and kind:
            pieces.pass_over(f"a thing of the kind {kind}")
            return None
        try:
            return (shape or Comment).model_validate(entry.get("data"))
        except ValidationError as error:
            pieces.reject("thing", entry, error)
            return None

    def _tell(self, thing: Comment | Link | Message, pieces: Pieces, *, only_known: bool = False) -> None:
        """A thing as what is new about it, if anything is."""
        known = self.place.things.known
        if isinstance(thing, Link) and self.me.is_(thing.author):
            pieces.pass_over("a post of ours")
        elif only_known and isinstance(thing, Comment) and not {thing.name, thing.parent_id, thing.post} & known.keys():
            pieces.pass_over("an answer of ours elsewhere")
        elif isinstance(thing, Message):
            if self.place.things.see(thing.name, "") is True:
                pieces.events.append(parse.message(thing, self.me))
        else:
            self._compare(thing, known.get(thing.name), pieces)

    def _compare(self, thing: Comment | Link, before: str | None, pieces: Pieces) -> None:
        words = thing.body if isinstance(thing, Comment) else thing.selftext
        hidden = thing.is_hidden or words == REMOVED
        said = before.removesuffix(HIDDEN) if before is not None and (words == REMOVED or thing.is_deleted) else digest(words)
        thread = (thing.post if isinstance(thing, Comment) else thing.name) or thing.name
        if thing.is_deleted:
            if before is not None:
                self.place.things.forget(thing.name)
                pieces.events.append(parse.deletion(thing.name, thread, now()))
            return
        if self.place.things.see(thing.name, said + (HIDDEN if hidden else "")) is None:
            return
        if before is None:
            pieces.events.append(self._event(thing, EventKind.MESSAGE))
        elif before.removesuffix(HIDDEN) != said:
            pieces.events.append(self._event(thing, EventKind.EDIT))
        if hidden != bool(before and before.endswith(HIDDEN)):
            pieces.events.append(parse.moderation(thing.name, thread, now(), hides=hidden))

    def _event(self, thing: Comment | Link, kind: EventKind) -> Event:
        if isinstance(thing, Link):
            return parse.question(thing, self.me, kind, now())
        return parse.comment(thing, self.links.get(thing.post), self.me, kind, now())

    async def _sweep(self, pieces: Pieces) -> None:
        """What became of the latest comments and posts (https://www.reddit.com/dev/api#GET_api_info)."""
        names = [name for name in self.place.things.latest(WATCHED) if not name.startswith("t4_")]
        for first in range(0, len(names), PAGE):
            told = await self.api.get("/api/info", id=",".join(names[first : first + PAGE]))
            things = [self.opened(entry, pieces) for entry in objects(inner(told, "data", "children"))]
            await self.links.find(thing.post for thing in things if isinstance(thing, Comment))
            for thing in things:
                if thing is not None and thing.name in names:
                    self._tell(thing, pieces)


def _written(entry: Json) -> datetime | None:
    try:
        return Message.model_validate(entry.get("data")).created_utc
    except ValidationError:
        return None
