"""Direct messages and private answers on their way out (https://developers.facebook.com/docs/messenger-platform/reference/send-api)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from connectors.meta.direct import FURTHER
from connectors.meta.graph import Graph, uploaded
from connectors.meta.shapes import Json
from inbox.contract import Ambiguous, Attachment, AuthError, ConnectorError, Permanent, Receipt, Reply, WindowClosed

KINDS = ("image", "video", "audio")
HUMAN = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
WITHIN = {"messaging_type": "RESPONSE"}


async def send(graph: Graph, reply: Reply, recipient: Json, *, platform: str, keyed: bool) -> Receipt:
    """Files first, one message each, then the text, whose id is the receipt's. `keyed`: the echo brings our key back.

    Files are handed in before anything is sent, so that what fails there leaves nothing behind.
    """
    messages: list[Json] = [{"attachment": await _hand_in(graph, file, platform)} for file in reply.attachments]
    if reply.text.strip():
        messages.append({"text": reply.text})
    if not messages:
        raise Permanent("An empty message cannot be sent.")
    if "id" not in recipient and len(messages) > 1:
        raise Permanent("A private answer to a comment is one message: send the text or one file.")
    sent = ""
    for number, message in enumerate(messages):
        if keyed:
            message["metadata"] = reply.key if number == len(messages) - 1 else f"{reply.key}{FURTHER}{number}"
        try:
            sent = await _send(graph, {"recipient": recipient, "message": message}, human=reply.human and "id" in recipient)
        except ConnectorError as error:
            if number:
                raise Ambiguous(f"Only a part of the reply was sent. {error}") from None
            raise
    return Receipt(sent, datetime.now(UTC))


async def _send(graph: Graph, content: Json, *, human: bool) -> str:
    """Within 24 hours as an answer; later, within seven days, only as what a person writes: once that was refused, nothing is sent."""
    try:
        told = await graph.post("me/messages", content | WITHIN)
    except WindowClosed as closed:
        if not human:
            raise
        try:
            told = await graph.post("me/messages", content | HUMAN)
        except (Permanent, AuthError):  # an app has to be allowed the tag
            raise closed from None
    message_id = told.get("message_id")
    if not message_id:
        raise Ambiguous(f"{graph.name} took the message, but does not say what became of it.")
    return str(message_id)


async def _hand_in(graph: Graph, file: Attachment, platform: str) -> Json:
    """https://developers.facebook.com/docs/messenger-platform/reference/attachment-upload-api"""
    main = file.media_type.partition("/")[0]
    kind = main if main in KINDS else "file"
    content: Json = {"message": {"attachment": {"type": kind, "payload": {"is_reusable": True}}}, "platform": platform}
    told = await graph.post("me/message_attachments", content, sending=False, files={"filedata": uploaded(file)})
    return {"type": kind, "payload": {"attachment_id": str(told.get("attachment_id", ""))}}


def refuse_more_than(files: Sequence[Attachment], most: int, name: str) -> None:
    if len(files) > most:
        raise Permanent(
            f"{name} takes {most} file in an answer to a comment." if most else f"{name} takes no file in an answer to a comment."
        )
