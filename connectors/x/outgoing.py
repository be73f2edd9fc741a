"""What a reply looks like (https://docs.x.com/x-api/posts/create-post, https://docs.x.com/x-api/direct-messages/manage/quickstart)."""

from datetime import UTC, datetime
from typing import Any

from connectors.polling import now
from connectors.rest import Json, inner
from connectors.x import parse
from connectors.x.api import XApi
from inbox.contract import Ambiguous, Attachment, Permanent, Receipt, Reply

LARGEST = 5 * 1024 * 1024  # bytes of a picture
MOST_PICTURES = 4
EPOCH = 1_288_834_974_657  # milliseconds; an id holds its own time from there on
PICTURES = {"image/jpeg", "image/png", "image/webp", "image/gif"}


async def send(api: XApi, reply: Reply) -> Receipt:
    """A reply as a post under the one that it answers, or as a direct message."""
    is_direct = reply.thread_id.startswith(parse.DIRECT)
    if reply.private or is_direct:
        return await _direct(api, reply, is_direct)
    content: Json = {"text": reply.text, "reply": {"in_reply_to_tweet_id": reply.parent_id or reply.thread_id}}
    if reply.attachments:
        content["media"] = {"media_ids": await _pictures(api, reply, "tweet_image", MOST_PICTURES)}
    name = inner(await api.change("POST", "/2/tweets", content), "data", "id")
    return Receipt(_known(name), _time(name), parse.permalink(str(name)))


async def _direct(api: XApi, reply: Reply, is_direct: bool) -> Receipt:
    """Into the conversation, or to the author of a public post."""
    if not is_direct and not reply.recipient:
        raise Permanent("Nobody knows whom to answer in private.")
    content: Json = {"text": reply.text} if reply.text else {}
    if reply.attachments:
        content["attachments"] = [{"media_id": name} for name in await _pictures(api, reply, "dm_image", 1)]
    place = reply.thread_id.removeprefix(parse.DIRECT) if is_direct else f"with/{reply.recipient}"
    name = inner(await api.change("POST", f"/2/dm_conversations/{place}/messages", content), "data", "dm_event_id")
    return Receipt(f"{parse.DIRECT}{_known(name)}", _time(name))


async def _pictures(api: XApi, reply: Reply, category: str, most: int) -> list[str]:
    if len(reply.attachments) > most:
        raise Permanent(f"X takes {most} pictures at once here.")
    return [await api.upload(file.name, _content(file), file.media_type, category) for file in reply.attachments]


def _content(file: Attachment) -> bytes:
    if file.content is None:
        raise Permanent(f"The attachment {file.name} did not come along.")
    if file.media_type not in PICTURES or len(file.content) > LARGEST:
        raise Permanent(f"X takes pictures of at most 5 MB, and {file.name} is none.")
    return file.content


def _known(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise Ambiguous("X took the reply, but does not say what became of it.")
    return name


def _time(name: Any) -> datetime:
    """X's own time of a post: its id holds it."""
    told = (int(name) >> 22) + EPOCH if str(name).isdecimal() and int(name) >> 22 else 0
    return datetime.fromtimestamp(told / 1000, UTC) if told else now()
