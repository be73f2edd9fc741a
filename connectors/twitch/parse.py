"""Chat events as events of the contract, however they came. Pure."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from connectors.twitch.shapes import Deletion, Message
from inbox.contract import Author, Batch, ConversationKind, Event, EventKind, Post, Rejected

WANTED = ("channel.chat.message", "channel.chat.message_delete")
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class Passed(Exception):
    """It means nothing here; the reason is counted."""


def notification(kind: str, told: Any, at: datetime, me: str, cursor: str | None = None) -> Batch:
    """One notification. `me`: the connected account's id."""
    try:
        return Batch([_read(kind, told, at, me)], cursor=cursor)
    except Passed as passed:
        return Batch(cursor=cursor, passed_over=Counter([str(passed)]))
    except UNREADABLE as error:
        raw = json.dumps({"kind": kind, "event": told, "at": at.isoformat(), "me": me}).encode()
        return Batch(cursor=cursor, rejected=[Rejected(raw, reason(error))])


def reread(raw: bytes) -> Batch:
    """What was once rejected by `notification`, or a webhook's body that was no JSON."""
    try:
        kept = json.loads(raw)
        kind, told, at, me = kept["kind"], kept["event"], datetime.fromisoformat(kept["at"]), kept["me"]
    except UNREADABLE as error:
        return Batch(rejected=[Rejected(raw, reason(error))])
    again = notification(kind, told, at, me)
    return Batch(again.events, passed_over=again.passed_over, rejected=[Rejected(raw, one.reason) for one in again.rejected])


def _read(kind: str, told: Mapping[str, Any], at: datetime, me: str) -> Event:
    if kind == "channel.chat.message":
        return message(Message.model_validate(told), at, me)
    if kind == "channel.chat.message_delete":
        gone = Deletion.model_validate(told)
        return Event(f"delete:{gone.message_id}", EventKind.DELETE, gone.message_id, "", at)
    raise Passed(f"event {kind:.60}")


def message(told: Message, at: datetime, me: str) -> Event:
    """What somebody says in the chat; an answer joins what it answers."""
    if told.source_broadcaster_user_id not in {None, told.broadcaster_user_id}:
        raise Passed("said in another channel that shares its chat")
    name = told.broadcaster_user_name or told.broadcaster_user_login
    mentions = [fragment.mention.user_id for fragment in told.message.fragments if fragment.mention]
    if told.reply:
        mentions.append(told.reply.parent_user_id)
    return Event(
        id=f"message:{told.message_id}",
        kind=EventKind.MESSAGE,
        message_id=told.message_id,
        thread_id="",
        at=at,
        author=Author(
            id=told.chatter_user_id,
            name=told.chatter_user_name or told.chatter_user_login or told.chatter_user_id,
            handle=told.chatter_user_login or None,
            is_self=told.chatter_user_id == me,
            roles=tuple(badge.set_id for badge in told.badges if badge.set_id),
        ),
        text=_words(told),
        parent_id=told.reply.parent_message_id if told.reply else None,
        post=Post(told.broadcaster_user_id, title=name, url=f"https://www.twitch.tv/{told.broadcaster_user_login}", is_room=True),
        conversation_kind=ConversationKind.COMMENTS,
        mentions=tuple(dict.fromkeys(mentions)),
        raw=told.model_dump(mode="json"),
    )


def _words(told: Message) -> str:
    """The text without the name that Twitch puts before an answer."""
    text = told.message.text
    if told.reply:
        for name in (told.reply.parent_user_name, told.reply.parent_user_login):
            if name and text.lower().startswith(f"@{name.lower()} "):
                return text[len(name) + 2 :]
    return text


def reason(error: Exception) -> str:
    """What is wrong, without what was given."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return f"{type(error).__name__}: it cannot be read."
