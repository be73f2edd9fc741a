"""Comments, posts and private messages as events. Pure.

Messages are called "comment/12", "post/7" and "message/3", since their ids are not unique among each other.
"""

from datetime import datetime
from urllib.parse import urlsplit

from connectors.lemmy.shapes import Comment, Entry, Page, Person, Private, View
from inbox import contract
from inbox.contract import Author, ConversationKind, Event, EventKind


def name(view: View | Private) -> str:
    if isinstance(view, Private):
        return f"message/{view.message.id}"
    return f"post/{view.post.id}" if view.comment is None else f"comment/{view.comment.id}"


def state(view: View | Private) -> str:
    return view.message.state if isinstance(view, Private) else entry(view).state


def entry(view: View) -> Entry:
    return view.comment or view.post


def message(view: View | Private, me: Person, community: int | None = None) -> Event:
    """`community`: whose posts are messages too; what stands right under them answers them."""
    if isinstance(view, Private):
        return _private(view, me, EventKind.MESSAGE, name(view), view.message.published)
    return _said(view, me, community, EventKind.MESSAGE, name(view), entry(view).published)


def edit(view: View | Private, me: Person, community: int | None, now: datetime) -> Event:
    at = (view.message if isinstance(view, Private) else entry(view)).updated or now
    event_id = f"edit:{name(view)}:{at.isoformat()}"
    if isinstance(view, Private):
        return _private(view, me, EventKind.EDIT, event_id, at)
    return _said(view, me, community, EventKind.EDIT, event_id, at)


def changes(view: View | Private, me: Person, community: int | None, before: str, now: datetime) -> list[Event]:
    """What happened to a message since its state was `before`. The server tells no time of a deletion or removal."""
    (old_edit, _, old), (new_edit, _, new) = before.partition("|"), state(view).partition("|")
    if "d" in new:
        return [] if "d" in old else [Event(f"delete:{name(view)}", EventKind.DELETE, name(view), "", now)]
    events = [edit(view, me, community, now)] if old_edit != new_edit else []
    if ("r" in old) != ("r" in new):
        action = "hide" if "r" in new else "unhide"
        events.append(Event(f"{action}:{name(view)}:{now.isoformat()}", EventKind.MODERATION, name(view), "", now, text=action))
    return events


def author(person: Person, me: Person, *roles: str) -> Author:
    host = urlsplit(person.actor_id).hostname
    return Author(
        id=str(person.id),
        name=person.display_name or person.name,
        handle=f"{person.name}@{host}" if host else person.name,
        avatar=person.avatar,
        is_self=person.id == me.id,
        roles=(*roles, *(("bot",) if person.bot_account else ())),
    )


def _said(view: View, me: Person, community: int | None, kind: EventKind, event_id: str, at: datetime) -> Event:
    roles = [role for role, has in (("moderator", view.creator_is_moderator), ("admin", view.creator_is_admin)) if has]
    words = view.post.name if view.comment is None else view.comment.content
    if view.comment is None:
        words = "\n\n".join(part for part in (view.post.name, view.post.url or "", view.post.body) if part)
    thread, parent = _above(view.comment, view, me, community) if view.comment else (name(view), None)
    return Event(
        id=event_id,
        kind=kind,
        message_id=name(view),
        thread_id=thread,
        at=at,
        author=author(view.creator, me, *roles),
        text=words,
        parent_id=parent,
        post=_post(view.post),
        conversation_kind=ConversationKind.COMMENTS,
        mentions=(str(me.id),) if f"@{me.name}@{urlsplit(me.actor_id).hostname}" in words else (),
        permalink=entry(view).ap_id,
        raw=view.model_dump(mode="json"),
    )


def _above(comment: Comment, view: View, me: Person, community: int | None) -> tuple[str, str | None]:
    """Thread and parent: the first comment of the branch, and the one right above."""
    path = comment.path.split(".")[1:]
    if len(path) > 1:
        return f"comment/{path[0]}", f"comment/{path[-2]}"
    is_under_message = community is not None and view.community.id == community and view.post.creator_id != me.id
    return name(view), f"post/{view.post.id}" if is_under_message else None


def _post(page: Page) -> contract.Post:
    return contract.Post(str(page.id), title=page.name, text=page.body, url=page.ap_id, published_at=page.published)


def _private(view: Private, me: Person, kind: EventKind, event_id: str, at: datetime) -> Event:
    """One conversation with each person."""
    other = view.recipient if view.creator.id == me.id else view.creator
    return Event(
        id=event_id,
        kind=kind,
        message_id=name(view),
        thread_id=f"person/{other.id}",
        at=at,
        author=author(view.creator, me),
        text=view.message.content,
        private=True,
        raw=view.model_dump(mode="json", by_alias=True),
    )
