"""Which messages share a conversation."""

from typing import Any

from sqlalchemy import select

from connectors.telegram.updates import Reader
from inbox.contract import Batch, ConversationKind
from inbox.conversations import receive
from inbox.models import Conversation, Message
from tests.connectors.telegram.fake import BOT, message
from tests.make import MONDAY, Make

GROUP = -1001234
BERND = {"id": 13, "is_bot": False, "first_name": "Bernd"}


async def test_a_group_a_topic_and_a_private_chat_are_three_conversations(session: Any, make: Make):
    channel = await make.channel(await make.workspace(), platform="telegram", account_id="4711")
    created = message(7, GROUP, sender=BOT, forum_topic_created={"name": "Orders"})
    said = [
        message(5, GROUP, "In the group"),
        message(6, GROUP, "Still in the group"),
        message(8, GROUP, "In the topic", message_thread_id=7, is_topic_message=True, reply_to_message=created),
        message(9, GROUP, "In the topic too", message_thread_id=7, is_topic_message=True, sender=BERND),
        message(5, 12, "In private"),
        message(10, GROUP, "Another in the group", sender=BERND),
    ]
    events, _ = Reader("4711").read([{"update_id": number, "message": one} for number, one in enumerate(said)], MONDAY)
    await receive.receive(session, channel, Batch(events), now=MONDAY, move_cursor=False)
    rows = await session.execute(select(Message.external_id, Message.conversation_id, Conversation.kind).join(Conversation))
    found = {external_id: (conversation, kind) for external_id, conversation, kind in rows}
    assert found[f"{GROUP}:5"] == found[f"{GROUP}:6"]
    assert found[f"{GROUP}:8"] == found[f"{GROUP}:9"]
    assert len({found[name][0] for name in (f"{GROUP}:5", f"{GROUP}:8", "12:5", f"{GROUP}:10")}) == 4
    assert (found["12:5"][1], found[f"{GROUP}:5"][1]) == (ConversationKind.DIRECT, ConversationKind.COMMENTS)
