"""A reply as Discord takes it (https://docs.discord.com/developers/resources/message#create-message)."""

from connectors.discord import nonces
from connectors.discord.api import Json, Upload
from inbox.contract import Permanent, Reply

MOST_FILES = 10


def channel(reply: Reply) -> str:
    """Where the reply goes: its thread or direct chat, else where the message answered is, else the room of the conversation."""
    found = reply.thread_id or (reply.parent_id or "").partition("/")[0] or reply.post_id or ""
    if not found.isdecimal():
        raise Permanent("Nobody knows which channel this conversation belongs to.")
    return found


def message(reply: Reply, channel: str) -> Json:
    """The words, under the message answered where that is in the same channel. Nobody is called but who is named or answered."""
    if not reply.text.strip() and not reply.attachments:
        raise Permanent("Discord takes no empty message.")
    shape: Json = {"content": reply.text, "nonce": nonces.nonce(reply.key), "enforce_nonce": True}
    where, _, number = (reply.parent_id or "").partition("/")
    if number and where == channel:  # a message that is gone meanwhile is answered all the same, without pointing at it
        shape["message_reference"] = {"message_id": number, "fail_if_not_exists": False}
    shape["allowed_mentions"] = {"parse": ["users"], "replied_user": True}
    if reply.attachments:
        shape["attachments"] = [{"id": number, "filename": file.name} for number, file in enumerate(reply.attachments)]
    return shape


def files(reply: Reply) -> list[Upload]:
    """https://docs.discord.com/developers/reference#uploading-files"""
    if len(reply.attachments) > MOST_FILES:
        raise Permanent(f"Discord takes {MOST_FILES} files at once.")
    found: list[Upload] = []
    for number, file in enumerate(reply.attachments):
        if file.content is None:
            raise Permanent(f"The file {file.name} is not here: it cannot be sent.")
        found.append((f"files[{number}]", (file.name, file.content, file.media_type)))
    return found
