"""What a status hangs on: its thread, and the post above it (https://docs.joinmastodon.org/methods/statuses/#context)."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic import ValidationError

from connectors.mastodon import markup
from connectors.mastodon.server import Refusal, Server
from connectors.mastodon.shapes import Account, Status
from inbox.contract import Post

MOST_KNOWN = 2000


@dataclass(frozen=True, slots=True)
class Thread:
    """`id` is that of the message that began it. `is_ours`: nobody else has said anything yet, so there is nothing to answer."""

    id: str
    post: Post | None = None
    is_ours: bool = False
    is_direct: bool = False
    joins_parent: bool = True  # no private answer lands in a public conversation, nor the other way round


class Threads:
    """Finds threads; asks the server only where a status answers one that was not met before."""

    def __init__(self, server: Server, me: Account) -> None:
        self._server, self._me = server, me
        self._known: OrderedDict[str, Thread] = OrderedDict()

    async def find(self, status: Status) -> Thread:
        """The thread of a status."""
        thread = self._known.get(status.id) or self._beside(status) or hang(await self._above(status), status, self._me)
        self._known[status.id] = thread
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return thread

    def _beside(self, status: Status) -> Thread | None:
        """The thread of the status answered, where that is known."""
        parent = self._known.get(status.in_reply_to_id or "")
        if parent is None or parent.is_direct != status.is_direct:
            return None
        return _under(parent.post, status, self._me) if parent.is_ours else replace(parent, joins_parent=True)

    async def _above(self, status: Status) -> list[Status]:
        if status.in_reply_to_id is None:
            return []
        try:
            told = await self._server.get(f"/api/v1/statuses/{status.id}/context")
        except Refusal:
            return []
        return read(told.get("ancestors"))


def read(told: Any) -> list[Status]:
    """The statuses of a list that can be read: what is missing here is only context."""
    found: list[Status] = []
    for entry in cast("list[Any]", told) if isinstance(told, list) else []:
        try:
            found.append(Status.model_validate(entry))
        except ValidationError:
            continue
    return found


def hang(above: Sequence[Status], status: Status, me: Account) -> Thread:
    """Where a status belongs that has these above it, the topmost first.

    A private exchange is known by its first private status. In public, the first status that is for us begins a conversation; the post
    is the last of our own before it, or the status of somebody else that the talk is about.
    """
    chain = list(above)
    same = len(chain)
    while same and chain[same - 1].is_direct == status.is_direct:
        same -= 1
    joins, chain = same < len(chain) or not chain, chain[same:]
    if status.is_direct:
        first = chain[0] if chain else status
        return Thread(first.id, is_direct=True, joins_parent=joins)
    chain = [*chain, status]
    ours = 0
    while ours < len(chain) and chain[ours].account.id == me.id:
        ours += 1
    if ours == len(chain):
        return Thread(status.id, post_of(status, me), is_ours=True, joins_parent=joins)
    if ours:
        return Thread(chain[ours].id, post_of(chain[ours - 1], me), joins_parent=joins)
    if len(chain) == 1 or chain[0].names(me.id):
        return Thread(chain[0].id, _quoted(chain[0], me), joins_parent=joins)
    return Thread(chain[1].id, post_of(chain[0], me), joins_parent=joins)


def post_of(status: Status, me: Account) -> Post:
    """A status as what others hang on."""
    words = markup.words(status.content)
    if status.spoiler_text:
        words = f"⚠ {status.spoiler_text}\n\n{words}"
    media = tuple(media.url for media in status.media_attachments if media.url)
    title = "" if status.account.id == me.id else f"@{status.account.acct}"
    return Post(status.id, title=title, text=words, url=status.url, media=media, published_at=status.created_at)


def _under(post: Post | None, status: Status, me: Account) -> Thread:
    """A status right under a post of ours."""
    if status.account.id == me.id:
        return Thread(status.id, post_of(status, me), is_ours=True)
    return Thread(status.id, post)


def _quoted(status: Status, me: Account) -> Post | None:
    """The post of ours that a status quotes."""
    quoted = status.quote.quoted_status if status.quote else None
    return post_of(quoted, me) if quoted is not None and quoted.account.id == me.id else None
