"""What a post hangs on: its thread, and the post above it (https://docs.bsky.app/docs/api/app-bsky-feed-get-post-thread)."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from connectors.bluesky import embeds, ids, richtext
from connectors.bluesky.server import Refusal, Server
from connectors.bluesky.shapes import Json, Post, as_dict
from inbox import contract

MOST_KNOWN = 2000
HIGHEST = 100  # posts above one that are asked for


@dataclass(frozen=True, slots=True)
class Thread:
    """`id` is that of the post that began it. `is_ours`: nobody else has said anything yet, so there is nothing to answer."""

    id: str
    post: contract.Post | None = None
    is_ours: bool = False


class Threads:
    """Finds threads; asks the server only where a post answers one that was not met before."""

    def __init__(self, server: Server, me: str) -> None:
        self._server, self._me = server, me
        self._known: OrderedDict[str, Thread] = OrderedDict()

    async def find(self, post: Post) -> Thread:
        """The thread of a post."""
        thread = self._known.get(post.uri) or self._beside(post) or hang(await self._above(post), post, self._me)
        self._known[post.uri] = thread
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return thread

    def _beside(self, post: Post) -> Thread | None:
        """The thread of the post answered, where that is known."""
        parent = self._known.get(post.parent or "")
        if parent is None or not parent.is_ours:
            return parent
        return Thread(post.uri, post_of(post, self._me), is_ours=True) if post.author.did == self._me else Thread(post.uri, parent.post)

    async def _above(self, post: Post) -> list[Post]:
        """The posts above one, the topmost first, up to where the network shows none."""
        if post.parent is None:
            return []
        try:
            told = await self._server.get("app.bsky.feed.getPostThread", uri=post.parent, depth=0, parentHeight=HIGHEST)
        except Refusal:  # gone
            return []
        chain: list[Post] = []
        above = as_dict(told.get("thread"))
        while above:
            found = read(above.get("post"))
            if found is None:
                break
            chain.insert(0, found)
            above = as_dict(above.get("parent"))
        return chain


def read(told: object) -> Post | None:
    """A post that is only context, if it can be read."""
    try:
        return Post.model_validate(told)
    except ValidationError:
        return None


def hang(above: Sequence[Post], post: Post, me: str) -> Thread:
    """Where a post belongs that has these above it, the topmost first.

    The first post that is for us begins a conversation; it hangs on the last of our own before it, or on the post of somebody else that
    the talk is about.
    """
    chain = [*above, post]
    ours = 0
    while ours < len(chain) and chain[ours].author.did == me:
        ours += 1
    if ours == len(chain):
        return Thread(post.uri, post_of(post, me), is_ours=True)
    if ours:
        return Thread(chain[ours].uri, post_of(chain[ours - 1], me))
    if len(chain) == 1 or me in richtext.read(chain[0].record.text, chain[0].record.facets).mentions or embeds.quoted(chain[0], me):
        return Thread(chain[0].uri, _quoted(chain[0], me))
    return Thread(chain[1].uri, post_of(chain[0], me))


def post_of(post: Post, me: str) -> contract.Post:
    """A post as what others hang on."""
    title = "" if post.author.did == me else f"@{post.author.handle}"
    media = tuple(file.url for file in embeds.files(post) if file.url)
    return contract.Post(post.uri, title, embeds.text(post), ids.link(post.uri), media, post.indexed_at)


def _quoted(post: Post, me: str) -> contract.Post | None:
    """The post of ours that a post quotes."""
    told: Json | None = embeds.quoted(post, me)
    quoted = read(told | {"record": told.get("value")}) if told else None
    return post_of(quoted, me) if quoted else None
