"""Updates become events, whether they were fetched or pushed (https://core.telegram.org/bots/api#update)."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import ValidationError

from connectors.telegram import markup, rooms, words
from connectors.telegram.places import Place
from connectors.telegram.shapes import Deleted, Message, MessageReaction, Reaction, Update, User
from inbox.contract import Author, Event, EventKind, Rejected

WANTED = [  # told explicitly: reactions come only when they are named
    *("message", "edited_message", "message_reaction", "my_chat_member"),
    *("business_connection", "business_message", "edited_business_message", "deleted_business_messages"),
]
MESSAGES = {
    "message": EventKind.MESSAGE,
    "business_message": EventKind.MESSAGE,
    "edited_message": EventKind.EDIT,
    "edited_business_message": EventKind.EDIT,
}
SERVICE = {  # what a chat tells of itself: nobody said it
    *("new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo", "delete_chat_photo", "group_chat_created"),
    *("supergroup_chat_created", "channel_chat_created", "message_auto_delete_timer_changed", "migrate_to_chat_id", "migrate_from_chat_id"),
    *("pinned_message", "forum_topic_created", "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened"),
    *("general_forum_topic_hidden", "general_forum_topic_unhidden", "chat_owner_left", "chat_owner_changed", "connected_website"),
    *("write_access_allowed", "proximity_alert_triggered", "boost_added", "chat_background_set", "video_chat_scheduled"),
    *("video_chat_started", "video_chat_ended", "video_chat_participants_invited", "giveaway_created", "giveaway_completed"),
    *("paid_message_price_changed", "direct_message_price_changed", "community_chat_added", "community_chat_removed"),
}


@dataclass(slots=True)
class Reader:
    """Reads what one bot is told. `name`: its user name, known once Telegram has told it; `ignored` counts what is left out, by reason."""

    bot_id: str
    name: str = ""
    ignored: Counter[str] = field(default_factory=Counter[str])

    def read(self, updates: Sequence[Any], now: datetime) -> tuple[list[Event], list[Rejected]]:
        """Every update as events, or with the reason why it is none: one bad update never loses the others."""
        events: list[Event] = []
        rejected: list[Rejected] = []
        for raw in updates:
            try:
                events += self._events(Update.model_validate(raw), raw, now)
            except ValidationError as error:
                rejected.append(Rejected(json.dumps(raw).encode(), _reason(error)))
            except (ValueError, OverflowError, OSError) as error:  # times beyond what a calendar has
                rejected.append(Rejected(json.dumps(raw).encode(), f"{type(error).__name__}: it cannot be read."))
        return events, rejected

    def _events(self, update: Update, raw: dict[str, Any], now: datetime) -> list[Event]:
        for name in MESSAGES:
            message: Message | None = getattr(update, name)
            if message is not None:
                reason = self._reason_to_leave(message, cast("dict[str, Any]", raw[name]))
                return self._ignore(reason) if reason else [self._said(message, name, update.update_id, raw)]
        if update.message_reaction is not None:
            return self._reaction(update.message_reaction, update.update_id, raw)
        if update.deleted_business_messages is not None:
            return [self._deletion(update.deleted_business_messages, number, now, raw) for number in _numbers(update)]
        return self._ignore(next((f"update {name}" for name in raw if name != "update_id"), "empty update"))

    def _reason_to_leave(self, message: Message, given: dict[str, Any]) -> str:
        if SERVICE & given.keys():
            return "service message"
        if message.is_automatic_forward:
            return "a channel's post in its group: shown above its comments"
        bot = message.sender_business_bot
        if bot is not None and str(bot.id) == self.bot_id and message.media_group_id and not message.caption:
            return "a further file of an album of ours"
        return ""

    def _said(self, message: Message, name: str, update_id: int, raw: dict[str, Any]) -> Event:
        kind, place = MESSAGES[name], rooms.place(message)
        suffix = f":{update_id}:{message.edit_date}" if kind is EventKind.EDIT else ""  # a message is edited again and again
        message_id = place.message_id(message.message_id)
        said = words.read(message)
        return Event(
            id=f"{kind.value}:{message_id}{suffix}",
            kind=kind,
            message_id=message_id,
            thread_id=rooms.thread_id(message, place),
            at=_time(message.date if kind is EventKind.MESSAGE else message.edit_date or message.date),
            author=self._author(message),
            text=said.text,
            html=said.html,
            parent_id=rooms.parent_id(message, place),
            post=rooms.post(message),
            conversation_kind=rooms.kind(message),
            mentions=self._mentions(message),
            attachments=said.files,
            permalink=rooms.permalink(message),
            raw=raw,
        )

    def _author(self, message: Message) -> Author:
        """Who said it; a group or a channel may speak itself (https://core.telegram.org/bots/api#message, sender_chat)."""
        chat, sender = message.sender_chat, message.sender
        if chat is not None:
            role = "administrator" if chat.id == message.chat.id else chat.type
            return Author(str(chat.id), chat.title or str(chat.id), chat.username, roles=(role,))
        if sender is None:
            return Author(str(message.chat.id), message.chat.title or str(message.chat.id), message.chat.username)
        is_owner = message.business_connection_id is not None and sender.id != message.chat.id  # the other one is the customer
        return _person(sender, is_self=is_owner or str(sender.id) == self.bot_id)

    def _mentions(self, message: Message) -> tuple[str, ...]:
        text = message.text if message.text is not None else message.caption or ""
        named: dict[str, None] = {}
        for entity in message.entities or message.caption_entities:
            if entity.type == "text_mention" and entity.user is not None:
                named[str(entity.user.id)] = None
            elif entity.type in {"mention", "bot_command"}:  # /help@shop_bot names the bot too
                handle = markup.part(text, entity).partition("@")[2].lower()
                if handle:
                    named[self.bot_id if handle == self.name.lower() else f"@{handle}"] = None
        return tuple(named)

    def _reaction(self, given: MessageReaction, update_id: int, raw: dict[str, Any]) -> list[Event]:
        chat, user = given.actor_chat, given.user
        if user is None and chat is None:
            return self._ignore("a reaction of nobody")
        before = set(given.old_reaction)
        newest = next((one for one in given.new_reaction if one not in before), given.new_reaction[-1] if given.new_reaction else None)
        author = _person(user, is_self=False) if user else Author(str(chat.id), chat.title) if chat else None
        place = Place(str(given.chat.id))
        message_id = place.message_id(given.message_id)
        event_id = f"reaction:{message_id}:{update_id}:{given.date}"
        thread_id = place.thread_id if given.chat.type == "private" else ""
        text = _emoji(newest) if newest else ""
        return [Event(event_id, EventKind.REACTION, message_id, thread_id, _time(given.date), author, text, raw=raw)]

    def _deletion(self, given: Deleted, number: int, now: datetime, raw: dict[str, Any]) -> Event:
        place = Place(str(given.chat.id), given.business_connection_id)
        message_id = place.message_id(number)
        return Event(f"delete:{message_id}", EventKind.DELETE, message_id, place.thread_id, now, raw=raw)

    def _ignore(self, reason: str) -> list[Event]:
        self.ignored[reason] += 1
        return []


def _numbers(update: Update) -> Sequence[int]:
    return update.deleted_business_messages.message_ids if update.deleted_business_messages else ()


def _person(user: User, *, is_self: bool) -> Author:
    return Author(str(user.id), user.name, user.username, is_self=is_self, roles=("bot",) if user.is_bot else ())


def _emoji(reaction: Reaction) -> str:
    """What is shown: an emoji of a set of one's own has no letter, so a star stands for it, as for a paid one."""
    return reaction.emoji or "⭐"


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _reason(error: ValidationError) -> str:
    """What is wrong, without what was given."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]
