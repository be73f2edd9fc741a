"""Replies as Matrix events: https://spec.matrix.org/v1.15/client-server-api/#mroommessage-msgtypes"""

from typing import Any

from connectors.matrix import ids
from connectors.matrix.parse import HTML
from inbox.contract import Attachment, Permanent, Reply

Json = dict[str, Any]
KINDS = {"image": "m.image", "video": "m.video", "audio": "m.audio"}


def room(reply: Reply) -> str:
    """Where the reply goes: its thread says it, else the message answered, else the room of the conversation."""
    found = ids.split(reply.thread_id).room or ids.split(reply.parent_id or "").room or reply.post_id
    if not found:
        raise Permanent("Nothing says which room this reply belongs to.")
    return found


def text(reply: Reply) -> Json:
    """The words. Whoever is answered is named, so that their client tells them."""
    content: Json = {"msgtype": "m.text", "body": reply.text}
    if reply.html:
        content |= {"format": HTML, "formatted_body": reply.html}
    return content


def file(attachment: Attachment, address: str) -> Json:
    content = attachment.content or b""
    kind = KINDS.get(attachment.media_type.partition("/")[0], "m.file")
    info = {"mimetype": attachment.media_type, "size": len(content)}
    return {"msgtype": kind, "body": attachment.name, "filename": attachment.name, "url": address, "info": info}


def relate(content: Json, reply: Reply, *, is_answer: bool) -> Json:
    """Put the content into its thread, and under the message that it answers."""
    root, parent = ids.split(reply.thread_id).event, ids.split(reply.parent_id or "").event
    relation: Json = {}
    if root:  # clients that know no threads show an answer; those that do are told that it is none, unless it is
        relation = {"rel_type": "m.thread", "event_id": root, "is_falling_back": not (is_answer and parent not in {"", root})}
    if root or (is_answer and parent):
        relation["m.in_reply_to"] = {"event_id": parent or root}
    mentions = {"user_ids": [reply.recipient]} if is_answer and reply.recipient and reply.recipient.startswith("@") else {}
    return content | ({"m.relates_to": relation} if relation else {}) | {"m.mentions": mentions}
