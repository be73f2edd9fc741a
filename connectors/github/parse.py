"""Issues, discussions and their comments as events. Pure.

A message's id says where it is: "issues/12", "issues/12#987" (a comment's number), "discussions/5#DC_kwDO" (its name in the other API).
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

from connectors.github.shapes import Reaction, Remark, Said, Topic, User
from inbox.contract import Author, ConversationKind, Event, EventKind, Permanent, Post

ISSUES, DISCUSSIONS = "issues", "discussions"
MARK = re.compile(r"\s*<!-- parley:(\S+) -->\s*$")  # our key: GitHub shows no comments of HTML
MENTION = re.compile(r"(?<![\w/`@.-])@([a-z\d](?:[a-z\d-]{0,38}))(?![\w/])", re.IGNORECASE)
PLACE = re.compile(r"(issues|discussions)/(\d+)(?:#([\w=-]+))?", re.ASCII)
LONGEST_MARK = 600
EMOJI = {"+1": "👍", "-1": "👎", "laugh": "😄", "confused": "😕", "heart": "❤️", "hooray": "🎉", "rocket": "🚀", "eyes": "👀"}
GHOST = User(login="ghost")  # whose account is gone


def topic(kind: str, told: Topic, raw: Mapping[str, Any], event: EventKind = EventKind.MESSAGE) -> Event:
    """An issue or a discussion, itself the first message of its conversation."""
    return _said(f"{kind}/{told.number}", f"{kind}/{told.number}", told, _post(kind, told), raw, event)


def remark(
    kind: str, number: int, told: Remark, raw: Mapping[str, Any], about: Topic | None = None, event: EventKind = EventKind.MESSAGE
) -> Event:
    """A comment. Where only its own address is known, that of what it hangs on is its beginning."""
    place = f"{kind}/{number}"
    post = _post(kind, about) if about else Post(place, url=told.html_url.partition("#")[0] or None)
    return _said(place, f"{place}#{_name(kind, told)}", told, post, raw, event)


def deletion(kind: str, number: int, told: Said, now: datetime, raw: Mapping[str, Any]) -> Event:
    place = f"{kind}/{number}"
    name = f"{place}#{_name(kind, told)}" if isinstance(told, Remark) else place
    return Event(f"delete:{name}", EventKind.DELETE, name, place, now, raw=raw)


def reaction(message_id: str, told: Reaction) -> Event:
    """https://docs.github.com/en/rest/reactions/reactions"""
    place, emoji = message_id.partition("#")[0], EMOJI.get(told.content, f":{told.content}:")
    return Event(f"reaction:{told.id}", EventKind.REACTION, message_id, place, told.created_at, author(told.user, "NONE"), emoji)


def author(user: User | None, association: str) -> Author:
    """By the login: texts mention people by that, and nothing else."""
    user = user or GHOST
    roles = (() if association in {"", "NONE"} else (association,)) + (("bot",) if user.type == "Bot" else ())
    return Author(user.login.lower(), user.login, user.login, user.avatar_url, roles=roles)


def words(body: str) -> tuple[str, str | None]:
    """What was said, and the key that we have put below a reply of ours."""
    found = MARK.search(body[-LONGEST_MARK:])
    return (body, None) if found is None else (body[: len(body) - len(found[0])], unquote(found[1]))


def marked(text: str, key: str) -> str:
    """Our reply with its key, by which it is known again."""
    return f"{text}\n\n<!-- parley:{quote(key, safe='')} -->"


def digest(told: Topic) -> str:
    """Whether words have changed: GitHub tells of an issue only that something has."""
    return hashlib.sha256(f"{told.title}\0{told.body}".encode("utf-8", "surrogatepass")).hexdigest()[:12]


def split(message_id: str) -> tuple[str, int, str]:
    """Kind, number, and the comment's own name, "" for the beginning."""
    found = PLACE.fullmatch(message_id)
    if found is None:
        raise Permanent("Nobody knows which issue or discussion this belongs to.")
    return found[1], int(found[2]), found[3] or ""


def _said(place: str, name: str, told: Said, post: Post, raw: Mapping[str, Any], event: EventKind) -> Event:
    text, key = words(told.body)
    changed = told.updated_at or told.created_at
    is_edit = event is EventKind.EDIT
    return Event(
        id=f"{event.value}:{name}" + (f":{changed.isoformat()}" if is_edit else ""),
        kind=event,
        message_id=name,
        thread_id=place,
        at=changed if is_edit else told.created_at,
        author=author(told.user, told.author_association),
        text=text,
        post=post,
        conversation_kind=ConversationKind.COMMENTS,
        mentions=tuple(dict.fromkeys(login.lower() for login in MENTION.findall(text))),
        permalink=told.html_url or None,
        client_key=key,
        raw=raw,
    )


def _post(kind: str, told: Topic) -> Post:
    return Post(
        f"{kind}/{told.number}", title=f"#{told.number} {told.title}".strip(), url=told.html_url or None, published_at=told.created_at
    )


def _name(kind: str, told: Said) -> str:
    name = str(told.id) if kind == ISSUES and isinstance(told, Remark) and told.id is not None else told.node_id
    if not name or name == "None":
        raise ValueError("a comment without a name")
    return name
