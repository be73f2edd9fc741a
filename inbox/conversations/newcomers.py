"""People, posts and conversations that a batch brings for the first time, and what it says anew about those known.

Their ids were drawn with the look-up. `settle` decides without the database; `write` queues the rows, in an order that two batches share.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from psycopg.types.json import Jsonb

from inbox.columns import Numbers, Texts, Times, Truths
from inbox.contract import Post
from inbox.conversations.incoming import Incoming, Origin, Person
from inbox.conversations.known import Known, KnownPerson, KnownPost, Newcomer, Place
from inbox.models import Status
from inbox.pipelines import Send

PEOPLE = """
    WITH new AS MATERIALIZED (
        SELECT * FROM unnest(%b::bigint[], %b::bigint[], %b::bool[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bool[],
                             %b::bool[])
                      AS author (id, contact_id, is_contact, external_id, name, handle, avatar, email, is_self, is_staff)),
    contacts AS (
        INSERT INTO contact (id, workspace_id, name, email, avatar, created_at) OVERRIDING SYSTEM VALUE
        SELECT contact_id, %s, name, email, avatar, %s FROM new WHERE NOT is_contact)
    INSERT INTO identity (id, workspace_id, channel_id, contact_id, external_id, name, handle, avatar, is_self, is_staff, created_at)
           OVERRIDING SYSTEM VALUE
    SELECT id, %s, %s, contact_id, external_id, name, handle, avatar, is_self, is_staff, %s FROM new
"""

POSTS = """
    INSERT INTO post (workspace_id, channel_id, external_id, title, text, url, media, published_at, created_at)
    SELECT %s, %s, external_id, title, text, url, media, published_at, %s
      FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::jsonb[], %b::timestamptz[])
           AS new (external_id, title, text, url, media, published_at)
    ON CONFLICT (channel_id, external_id) DO UPDATE
       SET title = excluded.title, text = excluded.text, url = excluded.url, media = excluded.media
"""

CONVERSATIONS = """
    WITH begun AS (
        INSERT INTO conversation (workspace_id, channel_id, created_at, post_id, id, kind, subject, contact_id, author_name,
                                  last_message_at, last_message_id, last_inbound_id, snippet, last_author, message_count, waiting_since,
                                  waiting_count, in_room, language, told_language) OVERRIDING SYSTEM VALUE
        SELECT %s, %s, %s, (SELECT post.id FROM post WHERE channel_id = %s AND external_id = new.post), id, kind, subject, contact_id,
               author_name, last_message_at, last_message_id, last_inbound_id, snippet, last_author, message_count, waiting_since,
               waiting_count, in_room, language, language
          FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::timestamptz[], %b::bigint[],
                      %b::bigint[], %b::text[], %b::text[], %b::bigint[], %b::timestamptz[], %b::bigint[], %b::bool[],
                      %b::text[])
               AS new (id, kind, subject, post, contact_id, author_name, last_message_at, last_message_id, last_inbound_id, snippet,
                       last_author, message_count, waiting_since, waiting_count, in_room, language))
    INSERT INTO thread (workspace_id, channel_id, external_id, conversation_id)
    SELECT %s, %s, * FROM unnest(%b::text[], %b::bigint[])
"""

# What its author said in a room before belongs to a conversation that is over.
LEAVE = "DELETE FROM thread WHERE channel_id = %s AND external_id = ANY(%b::text[])"

JOIN = """
    INSERT INTO thread (workspace_id, channel_id, external_id, conversation_id)
    SELECT %s, %s, * FROM unnest(%b::text[], %b::bigint[])
"""

CHANGED_PEOPLE = """
    UPDATE identity SET name = new.name, handle = new.handle, avatar = new.avatar, is_self = new.is_self, is_staff = new.is_staff
      FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::bool[], %b::bool[])
           AS new (id, name, handle, avatar, is_self, is_staff)
     WHERE identity.id = new.id
"""


class Overtaken(Exception):
    """Something else has settled a thread since it was looked for: look again."""


@dataclass(slots=True)
class Newcomers:
    """Who and what is to be written for the first time, or anew."""

    people: list[tuple[Newcomer, Person]] = field(default_factory=list[tuple[Newcomer, Person]])
    changed: list[KnownPerson] = field(default_factory=list[KnownPerson])
    posts: list[Post] = field(default_factory=list[Post])
    begun: dict[int, Incoming] = field(default_factory=dict[int, Incoming])  # conversations, by the first event of their thread
    left: list[str] = field(default_factory=list[str])  # threads that go on in another conversation from now on


def settle(known: Known, founding: Sequence[Incoming]) -> Newcomers:
    """Find out who and what is new, and let the batch know it from here on.

    `founding`: the first event of each thread that becomes a conversation.
    """
    newcomers = Newcomers()
    _meet(known, newcomers)
    described = {event.post.id: event.post for event in known.fresh if event.post}
    newcomers.posts = [post for name, post in sorted(described.items()) if _is_news(post, known.posts.get(name))]
    if len(founding) > len(known.drawn_conversations):
        raise Overtaken
    for drawn, event in zip(known.drawn_conversations, sorted(founding, key=lambda event: event.thread_id), strict=False):
        newcomers.begun[drawn] = event
        if event.thread_id in known.threads:
            newcomers.left.append(event.thread_id)
        known.threads[event.thread_id] = drawn
        known.places[drawn] = _begin(known, event, drawn)
    return newcomers


def write(send: Send, origin: Origin, known: Known, newcomers: Newcomers, joining: dict[str, int], *, now: datetime) -> None:
    """Queue the rows. `joining`: threads that flow into conversations of others."""
    if newcomers.people:
        _insert_people(send, origin, newcomers.people, now=now)
    if newcomers.changed:
        _update_people(send, newcomers.changed)
    if newcomers.posts:
        _upsert_posts(send, origin, newcomers.posts, now=now)
    threads = {event.thread_id: conversation_id for conversation_id, event in newcomers.begun.items()} | joining
    names = sorted(threads)
    here = (origin.workspace_id, origin.id, Texts(names), Numbers([threads[name] for name in names]))
    if newcomers.left:
        send(LEAVE, (origin.id, Texts(newcomers.left)))
    if newcomers.begun:
        columns = _conversations([known.places[conversation_id] for conversation_id in newcomers.begun], list(newcomers.begun.values()))
        send(CONVERSATIONS, (origin.workspace_id, origin.id, now, origin.id, *columns, *here))
    elif threads:
        send(JOIN, here)


def _meet(known: Known, newcomers: Newcomers) -> None:
    """Who is new, and who is described otherwise than before; the batch's last word counts."""
    described = {event.person.external_id: event.person for event in known.fresh if event.person}
    for external_id in sorted(described):
        before = known.people.get(external_id)
        person = _named(described[external_id], before)
        if before is None:
            new = known.newcomers[external_id]
            newcomers.people.append((new, person))
            known.people[external_id] = KnownPerson(
                new.id, new.contact_id, person.name, person.handle, person.avatar, person.is_self, person.is_staff, None
            )
        elif _differs(before, person):
            newcomers.changed.append(before)
            before.name, before.handle, before.avatar = person.name, person.handle, person.avatar
            before.is_self, before.is_staff = before.is_self or person.is_self, before.is_staff or person.is_staff
    newcomers.changed.sort(key=lambda person: person.id)


def _named(person: Person, before: KnownPerson | None) -> Person:
    """An event may name somebody only by id: that takes nothing away."""
    if before is None or person.name != person.external_id:
        return person
    return replace(person, name=before.name, handle=person.handle or before.handle, avatar=person.avatar or before.avatar)


def _differs(before: KnownPerson, person: Person) -> bool:
    """Staff and self are only ever gained here: a person may have said so by hand."""
    return (
        before.name != person.name
        or before.handle != person.handle
        or before.avatar != person.avatar
        or (person.is_self and not before.is_self)
        or (person.is_staff and not before.is_staff)
    )


def _is_news(post: Post, before: KnownPost | None) -> bool:
    """An event may name its post only by id: that takes nothing away."""
    if before is None:
        return True
    return bool(post.title or post.text) and (post.title, post.text, post.url) != (before.title, before.text, before.url)


def _begin(known: Known, event: Incoming, drawn: int) -> Place:
    """Its contact is the author of the first message, unless that is one of us: then whoever answers."""
    person = event.person
    customer = None if person is None or person.is_self or person.is_staff else person
    contact_id = known.people[customer.external_id].contact_id if customer else None
    name = customer.name if customer else ""
    return Place(
        drawn, event.conversation_kind, Status.OPEN, contact_id, None, None, None, event.at, None, None, "", name, "", 0, None, 0,
        event.post is not None and event.post.is_room,
    )  # fmt: skip


def _insert_people(send: Send, origin: Origin, people: Sequence[tuple[Newcomer, Person]], *, now: datetime) -> None:
    new, described = zip(*people, strict=True)
    columns = (
        Numbers([newcomer.id for newcomer in new]),
        Numbers([newcomer.contact_id for newcomer in new]),
        Truths([newcomer.is_contact for newcomer in new]),
        Texts([person.external_id for person in described]),
        Texts([person.name for person in described]),
        Texts([person.handle for person in described]),
        Texts([person.avatar for person in described]),
        Texts([person.email for person in described]),
        Truths([person.is_self for person in described]),
        Truths([person.is_staff for person in described]),
    )
    send(PEOPLE, (*columns, origin.workspace_id, now, origin.workspace_id, origin.id, now))


def _update_people(send: Send, changed: Sequence[KnownPerson]) -> None:
    """Lock by id, then update: two batches that meet the same people must not wait for each other."""
    ids = Numbers([person.id for person in changed])
    send("SELECT id FROM identity WHERE id = ANY(%b::bigint[]) ORDER BY id FOR NO KEY UPDATE", (ids,))
    send(
        CHANGED_PEOPLE,
        (
            ids,
            Texts([person.name for person in changed]),
            Texts([person.handle for person in changed]),
            Texts([person.avatar for person in changed]),
            Truths([person.is_self for person in changed]),
            Truths([person.is_staff for person in changed]),
        ),
    )


def _upsert_posts(send: Send, origin: Origin, posts: Sequence[Post], *, now: datetime) -> None:
    columns = (
        Texts([post.id for post in posts]),
        Texts([post.title for post in posts]),
        Texts([post.text for post in posts]),
        Texts([post.url for post in posts]),
        [Jsonb(list(post.media)) for post in posts],
        Times([post.published_at for post in posts]),
    )
    send(POSTS, (origin.workspace_id, origin.id, now, *columns))


def _conversations(places: Sequence[Place], events: Sequence[Incoming]) -> tuple[Numbers | Texts | Times | Truths, ...]:
    """The rows of new conversations as columns, in their final form."""
    return (
        Numbers([place.id for place in places]),
        Texts([place.kind.value for place in places]),
        Texts([str((event.envelope or {}).get("subject", "")) for event in events]),
        Texts([event.post.id if event.post else None for event in events]),
        Numbers([place.contact_id for place in places]),
        Texts([place.author_name for place in places]),
        Times([place.last_message_at for place in places]),
        Numbers([place.last_message_id for place in places]),
        Numbers([place.last_inbound_id for place in places]),
        Texts([place.snippet for place in places]),
        Texts([place.last_author for place in places]),
        Numbers([place.message_count for place in places]),
        Times([place.waiting_since for place in places]),
        Numbers([place.waiting_count for place in places]),
        Truths([place.in_room for place in places]),
        Texts([place.language for place in places]),
    )
