"""Posts as events. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urljoin

from connectors.discourse import shapes
from connectors.discourse.shapes import Like, Post
from inbox import contract
from inbox.contract import Author, ConversationKind, Envelope, Event, EventKind

AVATAR = "96"  # pixels
HEART = "❤️"
MENTION = re.compile(r"(?<![\w/])@([\w.-]*\w)")
NOT_SAID = {3: "what was done to a topic", 4: "a whisper among staff"}


class Passed(Exception):
    """It means nothing here; the reason is counted."""


class Reader:
    """Turns posts of one forum into events."""

    def __init__(self, address: str, username: str) -> None:
        self._address, self._username = f"{address}/", username.casefold()

    def message(self, post: Post, *, private: bool) -> Event:
        return self._said(post, EventKind.MESSAGE, f"post:{post.id}", post.created_at, private=private)

    def edit(self, post: Post, *, private: bool) -> Event:
        at = post.updated_at or post.created_at
        return self._said(post, EventKind.EDIT, f"edit:{post.id}:{post.version}", at, private=private)

    def deletion(self, number: int, name: str, at: datetime) -> Event:
        return Event(f"delete:{number}", EventKind.DELETE, name, "", at)

    def hiding(self, post: Post) -> Event:
        """Hidden because members flagged it, or shown again."""
        action, at = "hide" if post.hidden else "unhide", post.updated_at or post.created_at
        return Event(f"{action}:{post.id}:{at.isoformat()}", EventKind.MODERATION, post.name_in_topic, "", at, text=action)

    def like(self, told: Like, at: datetime) -> Event:
        """Somebody likes a post; that one is taken back nobody tells."""
        who = Author(str(told.user.id), told.user.name or told.user.username, told.user.username, is_self=self._is_us(told.user.username))
        post = told.post
        return Event(f"like:{post.id}:{told.user.id}", EventKind.REACTION, post.name_in_topic, post.topic_id, at, author=who, text=HEART)

    def _said(self, post: Post, kind: EventKind, event_id: str, at: datetime, *, private: bool) -> Event:
        if post.post_type in NOT_SAID:
            raise Passed(NOT_SAID[post.post_type])
        url = urljoin(self._address, f"t/{post.topic_slug or '-'}/{post.topic_id}")
        private = private or post.topic_archetype == shapes.PRIVATE
        return Event(
            id=event_id,
            kind=kind,
            message_id=post.name_in_topic,
            thread_id=post.topic_id,
            at=at,
            author=self._author(post),
            text=post.raw,
            html=post.cooked or None,
            parent_id=f"{post.topic_id}/{post.reply_to_post_number}" if post.reply_to_post_number else None,
            post=None if private else contract.Post(post.topic_id, title=post.topic_title, url=url),
            conversation_kind=ConversationKind.DIRECT if private else ConversationKind.COMMENTS,
            private=private,
            mentions=tuple(dict.fromkeys(name.casefold() for name in MENTION.findall(post.raw))),
            envelope=Envelope(automatic=True) if post.user_id < 0 else None,  # the forum's own robots
            permalink=f"{url}/{post.post_number}",
            raw=post.model_dump(mode="json"),
        )

    def _author(self, post: Post) -> Author:
        standing: Mapping[str, bool] = {"admin": post.admin, "moderator": post.moderator, "staff": post.staff}
        roles = [name for name, has in standing.items() if has] + [name for name in (post.primary_group_name,) if name]
        if post.trust_level is not None:
            roles.append(f"trust_level_{post.trust_level}")
        avatar = urljoin(self._address, post.avatar_template.replace("{size}", AVATAR)) if post.avatar_template else None
        name = post.name or post.username
        return Author(str(post.user_id), name, post.username, avatar, is_self=self._is_us(post.username), roles=tuple(roles))

    def _is_us(self, username: str) -> bool:
        return username.casefold() == self._username
