"""What is done to a post of somebody else: a like, and hiding an answer under a post of ours.

https://docs.bsky.app/docs/tutorials/thread-gates: the gate of a thread is a record of whose thread it is, under the key of its first
post; it lists the answers that are hidden, and says who may answer, which is left as it is.
"""

from collections.abc import Callable

from connectors.bluesky import compose, ids
from connectors.bluesky.server import Refusal, Server
from connectors.bluesky.shapes import Json, Post, as_dict, as_list, as_text
from inbox.contract import Permanent

TRIES = 3  # where somebody else changes the same gate
MOST_HIDDEN = 300


async def like(server: Server, post: Post) -> None:
    """Like a post, unless it is liked already, here or elsewhere."""
    if as_text(post.viewer.get("like")):
        return
    subject = {"uri": post.uri, "cid": post.cid}
    await put_once(server, ids.LIKE, f"like {post.uri}", {"$type": ids.LIKE, "subject": subject, "createdAt": compose.now()})


async def hide(server: Server, post: Post) -> None:
    """Put an answer behind the page that those who want may open."""
    await _change_gate(server, post, lambda hidden: hidden if post.uri in hidden else [*hidden, post.uri])


async def unhide(server: Server, post: Post) -> None:
    await _change_gate(server, post, lambda hidden: [uri for uri in hidden if uri != post.uri])


async def put(server: Server, name: ids.Name, record: Json, before: str | None) -> None:
    """Write a record of our own in place of this version of it, or as a new one; refused where another one is there by now."""
    content = {"repo": name.repo, "collection": name.collection, "rkey": name.key, "record": record, "swapRecord": before}
    await server.change("com.atproto.repo.putRecord", content)


async def put_once(server: Server, collection: str, seed: str, record: Json) -> str:
    """Write a record under a key made of these words, unless it is there. Returns its address."""
    name = ids.Name((await server.session()).did, collection, ids.derived(seed))
    try:
        await put(server, name, record, None)
    except Refusal as error:
        if error.name != "InvalidSwap":
            raise
    return ids.join(*name)


async def find(server: Server, collection: str, key: str) -> Json | None:
    """A record of our own, if it is there."""
    try:
        return await server.get("com.atproto.repo.getRecord", repo=(await server.session()).did, collection=collection, rkey=key)
    except Refusal as error:
        if error.name == "RecordNotFound":
            return None
        raise


async def _change_gate(server: Server, post: Post, change: Callable[[list[str]], list[str]]) -> None:
    root = ids.split(post.record.reply.root.uri if post.record.reply else post.uri)
    if root.repo != (await server.session()).did or post.record.reply is None:
        raise Permanent("Only answers under a post of this account can be hidden.")
    for attempt in range(TRIES):
        found = await find(server, ids.GATE, root.key)
        gate = as_dict(found.get("value")) if found else {"$type": ids.GATE, "post": ids.join(*root), "createdAt": compose.now()}
        before = [as_text(uri) for uri in as_list(gate.get("hiddenReplies"))]
        hidden = change(before)
        if hidden == before:
            return
        if len(hidden) > MOST_HIDDEN:
            raise Permanent(f"Bluesky hides at most {MOST_HIDDEN} answers of a thread.")
        try:
            await put(server, root._replace(collection=ids.GATE), {**gate, "hiddenReplies": hidden}, _version(found))
        except Refusal as error:
            if error.name != "InvalidSwap" or attempt + 1 == TRIES:
                raise
        else:
            return


def _version(found: Json | None) -> str | None:
    return as_text(found.get("cid")) if found else None
