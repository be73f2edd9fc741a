"""Replies on their way out, and how they are found again.

https://docs.slack.dev/reference/methods/chat.postMessage; files are handed in first and shown by one last request
(https://docs.slack.dev/reference/methods/files.completeUploadExternal).
"""

from asyncio import sleep
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from connectors.slack import history, markup, parse
from connectors.slack.acting import chat_with
from connectors.slack.api import Api, Json
from connectors.slack.people import Directory
from connectors.slack.shapes import File, Message
from inbox.contract import Ambiguous, Attachment, Permanent, Receipt, Reply, Transient

LOOKS = 10  # times that we look where a file has been shown
PAUSE = 1.0  # seconds between them
RECENT = 200  # messages of a conversation among which a reply in doubt is looked for


@dataclass(frozen=True, slots=True)
class Where:
    """A conversation, and the thread in it; "" outside of threads."""

    channel: str
    thread: str = ""

    @property
    def given(self) -> Json:
        return {"thread_ts": self.thread} if self.thread else {}


async def send(api: Api, known: Directory, reply: Reply) -> Receipt:
    """One message. Slack knows no repeats; what may have been taken is looked for by its key."""
    if not reply.text.strip() and not reply.attachments:
        raise Permanent("Slack takes no empty message.")
    place = await where(api, reply)
    if reply.attachments:
        return await _share(api, known, place, reply)
    metadata = {"event_type": parse.OURS, "event_payload": {"key": reply.key}}
    given = {"channel": place.channel, "text": markup.escape(reply.text), "metadata": metadata, **place.given}
    answer = await api.call("chat.postMessage", given, sending=True)
    return receipt(known, str(answer.get("channel") or place.channel), str(answer.get("ts") or ""), place.thread)


async def find(api: Api, known: Directory, reply: Reply) -> Receipt | None:
    """The reply, if Slack has it: by its key, or with files, which carry none, by our name, its words and its files."""
    place = await where(api, reply)
    if place.thread:
        found = await history.replies(api, place.channel, place.thread, place.thread)
    else:
        found = list((await history.latest(api, place.channel, RECENT)).messages)
    for entry in reversed(found):
        try:
            told = Message.model_validate(entry)
        except ValidationError:
            continue
        if parse.client_key(told.metadata) == reply.key or (reply.attachments and _is_the_same(told, known, reply)):
            return receipt(known, place.channel, told.ts, place.thread)
    return None


async def where(api: Api, reply: Reply) -> Where:
    """Where it goes: into the thread, under the message answered, or into the chat with a person."""
    channel, _, thread = (reply.thread_id or reply.parent_id or reply.post_id or "").partition(":")
    if not channel:
        raise Permanent("Nobody knows which conversation this reply belongs to.")
    if reply.private and reply.recipient and not channel.startswith("D"):
        return Where(await chat_with(api, reply.recipient))
    return Where(channel, thread)


def receipt(known: Directory, channel: str, stamp: str, thread: str) -> Receipt:
    try:
        told = Message.model_validate({"ts": stamp, "thread_ts": thread or None})
        return Receipt(parse.message_id(channel, stamp), told.at, parse.permalink(known, channel, told))
    except (ValueError, OverflowError, OSError):
        raise Ambiguous("Slack's answer does not tell what became of the reply.") from None


async def _share(api: Api, known: Directory, place: Where, reply: Reply) -> Receipt:
    """Nobody sees a file before the last request names it."""
    files = [{"id": await _hand_in(api, file), "title": file.name} for file in reply.attachments]
    given = {"files": files, "channel_id": place.channel, "initial_comment": markup.escape(reply.text) or None, **place.given}
    answer = await api.call("files.completeUploadExternal", given, sending=True)
    told: Any = answer.get("files")
    stamp = _shown(told[0], place.channel) if isinstance(told, list) and told else ""
    for _ in range(LOOKS):
        if stamp:
            return receipt(known, place.channel, stamp, place.thread)
        await sleep(PAUSE)  # it is shown a moment later
        try:
            stamp = _shown((await api.read("files.info", {"file": files[0]["id"]})).get("file"), place.channel)
        except (Permanent, Transient):
            stamp = ""
    raise Ambiguous("Slack took the files, but does not say where they are shown.")


async def _hand_in(api: Api, file: Attachment) -> str:
    """https://docs.slack.dev/reference/methods/files.getUploadURLExternal"""
    if file.content is None:
        raise Permanent(f"The file {file.name} is not here: it cannot be sent.")
    place = await api.call("files.getUploadURLExternal", {"filename": file.name, "length": len(file.content)})
    address, file_id = place.get("upload_url"), place.get("file_id")
    if not isinstance(address, str) or not isinstance(file_id, str):
        raise Transient("Slack does not say where files go.")
    await api.upload(address, file.content)
    return file_id


def _shown(told: Any, channel: str) -> str:
    """The stamp of the message that shows a file (https://docs.slack.dev/reference/objects/file-object, shares); "" before that."""
    try:
        shares: Any = File.model_validate(told).shares
        for kind in ("public", "private"):
            shown: Any = shares.get(kind) or {}
            if shown.get(channel):
                return str(shown[channel][0]["ts"])
    except (ValidationError, AttributeError, KeyError, TypeError, IndexError):
        return ""
    return ""


def _is_the_same(told: Message, known: Directory, reply: Reply) -> bool:
    is_own = told.user == known.user_id or bool(told.bot_id and told.bot_id == known.bot_id)
    names = sorted(file.title or file.name for file in told.files)
    return is_own and names == sorted(file.name for file in reply.attachments) and markup.unescape(told.text) == reply.text
