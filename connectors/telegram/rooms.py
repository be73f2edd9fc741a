"""Which conversation a message belongs to: a person's chat, a topic, a group, or the comments under a channel's post."""

from datetime import UTC, datetime

from connectors.telegram.places import Place
from connectors.telegram.shapes import Chat, Message
from inbox.contract import ConversationKind, Post

TITLE = 80  # characters of a post that has no title


def place(message: Message) -> Place:
    """Where an answer goes."""
    topic = message.direct_messages_topic
    return Place(
        chat=str(message.chat.id),
        business=message.business_connection_id or "",
        topic=str(message.message_thread_id) if message.is_topic_message and message.message_thread_id else "",
        direct_topic=str(topic.topic_id) if topic else "",
    )


def kind(message: Message) -> ConversationKind:
    return ConversationKind.DIRECT if _is_direct(message) else ConversationKind.COMMENTS


def thread_id(message: Message, where: Place) -> str:
    """A private chat or a topic is a thread; a comment under a post begins one; what is said in a group outside of both has none."""
    if _is_direct(message) or where.topic:
        return where.thread_id
    if _commented(message) is not None:
        return where.message_id(message.message_id)
    return ""


def parent_id(message: Message, where: Place) -> str | None:
    """The message answered. In a topic everything answers its beginning, and a comment answers the post: neither is an answer."""
    answered = message.reply_to_message
    if answered is None or answered.chat.id != message.chat.id:
        return None
    if answered.is_automatic_forward or answered.forum_topic_created is not None:
        return None
    return where.message_id(answered.message_id)


def post(message: Message) -> Post | None:
    """What it hangs on: the channel's post, else the group."""
    if _is_direct(message):
        return None
    commented = _commented(message)
    if commented is not None:
        return _channel_post(commented)
    chat = message.chat
    return Post(str(chat.id), title=chat.title, url=_address(chat), is_room=True)


def permalink(message: Message) -> str | None:
    """https://core.telegram.org/api/links#message-links"""
    if message.chat.type != "supergroup" or message.chat.is_direct_messages:
        return None
    base = _address(message.chat) or f"https://t.me/c/{str(message.chat.id).removeprefix('-100')}"
    topic = f"/{message.message_thread_id}" if message.is_topic_message and message.message_thread_id else ""
    return f"{base}{topic}/{message.message_id}"


def _is_direct(message: Message) -> bool:
    return message.chat.type == "private" or message.direct_messages_topic is not None


def _commented(message: Message) -> Message | None:
    """The channel's post that a message directly comments on."""
    answered = message.reply_to_message
    return answered if answered is not None and answered.is_automatic_forward else None


def _channel_post(forwarded: Message) -> Post:
    """The post as its copy in the discussion group shows it; its own number is that in the channel."""
    origin = forwarded.forward_origin
    channel = (origin.chat if origin else None) or forwarded.sender_chat or forwarded.chat
    text = forwarded.text or forwarded.caption or ""
    address = _address(channel)
    number = origin.message_id if origin and origin.message_id else None
    return Post(
        id=f"{forwarded.chat.id}:{forwarded.message_id}",
        title=f"{channel.title}: {text[:TITLE].partition(chr(10))[0]}".removesuffix(": "),
        text=text,
        url=f"{address}/{number}" if address and number else None,
        published_at=datetime.fromtimestamp((origin.date if origin else None) or forwarded.date, UTC),
    )


def _address(chat: Chat) -> str | None:
    return f"https://t.me/{chat.username}" if chat.username else None
