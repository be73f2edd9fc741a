"""People, posts and conversations that a batch brings for the first time, and what it says anew about those known."""

from collections.abc import Sequence
from datetime import datetime

from psycopg import AsyncConnection, AsyncCursor
from psycopg.types.json import Jsonb

from inbox.contract import Post
from inbox.conversations import known as finding
from inbox.conversations import lookups
from inbox.conversations.incoming import Incoming, Person
from inbox.conversations.known import Known, KnownPerson, KnownPost
from inbox.db import Row
from inbox.models import Channel
from inbox.pipelines import pipeline

PEOPLE = """
    WITH new AS MATERIALIZED (
        SELECT author.*, found.id AS found_id, coalesce(found.id, nextval('contact_id_seq')) AS contact_id
          FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::bool[], %b::bool[])
               AS author (external_id, name, handle, avatar, email, is_self, is_staff)
          LEFT JOIN LATERAL (
               SELECT id FROM contact WHERE workspace_id = %s AND lower(email) = lower(author.email) ORDER BY id LIMIT 1
          ) AS found ON author.email IS NOT NULL),
    settled AS (
        INSERT INTO identity (workspace_id, channel_id, contact_id, external_id, name, handle, avatar, is_self, is_staff, created_at)
        SELECT %s, %s, contact_id, external_id, name, handle, avatar, is_self, is_staff, %s FROM new
        ON CONFLICT (channel_id, external_id) DO NOTHING
        RETURNING external_id, id, contact_id, name, handle, avatar, is_self, is_staff, member_id),
    contacts AS (
        INSERT INTO contact (id, workspace_id, name, email, avatar, created_at) OVERRIDING SYSTEM VALUE
        SELECT new.contact_id, %s, new.name, new.email, new.avatar, %s
          FROM new JOIN settled USING (external_id) WHERE found_id IS NULL)
    SELECT * FROM settled
"""

POSTS = """
    INSERT INTO post (workspace_id, channel_id, external_id, title, text, url, media, published_at, created_at)
    SELECT %s, %s, external_id, title, text, url, media, published_at, %s
      FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::jsonb[], %b::timestamptz[])
           AS new (external_id, title, text, url, media, published_at)
    ON CONFLICT (channel_id, external_id) DO UPDATE
       SET title = excluded.title, text = excluded.text, url = excluded.url, media = excluded.media
    RETURNING external_id, id, title, text, url
"""

CONVERSATIONS = """
    WITH new AS MATERIALIZED (
        SELECT nextval('conversation_id_seq') AS id, thread.*
          FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[])
               AS thread (external_id, kind, subject, post, author, name, at)),
    settled AS (
        INSERT INTO thread (workspace_id, channel_id, external_id, conversation_id)
        SELECT %s, %s, external_id, id FROM new ON CONFLICT DO NOTHING RETURNING external_id, conversation_id),
    begun AS (
        INSERT INTO conversation (id, workspace_id, channel_id, kind, subject, post_id, contact_id, author_name, created_at,
                                  last_message_at, snippet, last_author)
               OVERRIDING SYSTEM VALUE
        SELECT new.id, %s, %s, new.kind, new.subject, post.id, identity.contact_id, new.name, %s, new.at, '', ''
          FROM new
          JOIN settled ON settled.conversation_id = new.id
          LEFT JOIN post ON post.channel_id = %s AND post.external_id = new.post
          LEFT JOIN identity ON identity.channel_id = %s AND identity.external_id = new.author
        RETURNING *)
    SELECT settled.external_id, begun.id, kind, status, post_id, contact_id, assignee_id, team_id, resolved_at, last_message_at,
           last_message_id, last_inbound_id, snippet, author_name, last_author, message_count, waiting_since, waiting_count
      FROM begun JOIN settled ON settled.conversation_id = begun.id
"""

CHANGED_PEOPLE = """
    UPDATE identity SET name = new.name, handle = new.handle, avatar = new.avatar, is_self = new.is_self, is_staff = new.is_staff
      FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::bool[], %b::bool[])
           AS new (id, name, handle, avatar, is_self, is_staff)
     WHERE identity.id = new.id
"""


async def settle(
    connection: AsyncConnection[Row],
    channel: Channel,
    known: Known,
    founding: Sequence[Incoming],
    *,
    now: datetime,
) -> set[int]:
    """Insert who and what is new and learn the ids; returns the conversations that this batch began.

    `founding`: the first event of each thread that becomes a conversation.
    """
    people, changed = _people(known)
    posts = _posts(known)
    if not (people or changed or posts or founding):
        return set()
    async with pipeline(connection):
        new_people = await _insert_people(connection, channel, people, now=now) if people else None
        if changed:
            await _update_people(connection, changed)
        new_posts = await _upsert_posts(connection, channel, posts, now=now) if posts else None
        begun = await _insert_conversations(connection, channel, founding, now=now) if founding else None
    if new_people is not None:
        known.people.update({row[0]: KnownPerson(*row[1:]) for row in await new_people.fetchall()})
    if new_posts is not None:
        known.posts.update({row[0]: KnownPost(*row[1:]) for row in await new_posts.fetchall()})
    places = [] if begun is None else [(row[0], finding.place(row[1:])) for row in await begun.fetchall()]
    known.threads.update({thread: place.id for thread, place in places})
    known.places.update({place.id: place for _, place in places})
    await _meet(connection, channel, known, people, founding)
    return {place.id for _, place in places}


async def _meet(
    connection: AsyncConnection[Row], channel: Channel, known: Known, people: Sequence[Person], founding: Sequence[Incoming]
) -> None:
    """Who and what another batch was quicker to settle: read it, and lock it."""
    missed_people = [person.external_id for person in people if person.external_id not in known.people]
    missed_threads = [event.thread_id for event in founding if event.thread_id not in known.threads]
    if missed_people:
        found = await connection.execute(lookups.PEOPLE, (channel.id, missed_people))
        known.people.update({row[0]: KnownPerson(*row[1:]) for row in await found.fetchall()})
    if missed_threads:
        found = await connection.execute(lookups.CONVERSATIONS, (channel.id, missed_threads, channel.id, [], channel.workspace_id, []))
        places = [finding.place(row) for row in await found.fetchall()]
        known.places.update({place.id: place for place in places})
        known.met.update(place.id for place in places)
        found = await connection.execute(lookups.THREADS, (channel.id, missed_threads))
        known.threads.update({row[0]: row[1] for row in await found.fetchall()})


def _people(known: Known) -> tuple[list[Person], list[tuple[KnownPerson, Person]]]:
    """Who is new, and who is described otherwise than before; the batch's last word counts."""
    described = {event.person.external_id: event.person for event in known.fresh if event.person}
    new: list[Person] = []
    changed: list[tuple[KnownPerson, Person]] = []
    for external_id in sorted(described):
        person, before = described[external_id], known.people.get(external_id)
        if before is None:
            new.append(person)
        elif _differs(before, person):
            changed.append((before, person))
    return new, sorted(changed, key=lambda pair: pair[0].id)


def _differs(before: KnownPerson, person: Person) -> bool:
    """Staff and self are only ever gained here: a person may have said so by hand."""
    return (
        (before.name, before.handle, before.avatar) != (person.name, person.handle, person.avatar)
        or (person.is_self and not before.is_self)
        or (person.is_staff and not before.is_staff)
    )


def _posts(known: Known) -> list[Post]:
    described = {event.post.id: event.post for event in known.fresh if event.post}
    return [post for name, post in sorted(described.items()) if _is_news(post, known.posts.get(name))]


def _is_news(post: Post, before: KnownPost | None) -> bool:
    """An event may name its post only by id: that takes nothing away."""
    if before is None:
        return True
    return bool(post.title or post.text) and (post.title, post.text, post.url) != (before.title, before.text, before.url)


async def _insert_people(
    connection: AsyncConnection[Row], channel: Channel, people: Sequence[Person], *, now: datetime
) -> AsyncCursor[Row]:
    workspace = channel.workspace_id
    columns = (
        [person.external_id for person in people],
        [person.name for person in people],
        [person.handle for person in people],
        [person.avatar for person in people],
        [person.email for person in people],
        [person.is_self for person in people],
        [person.is_staff for person in people],
    )
    return await connection.execute(PEOPLE, (*columns, workspace, workspace, channel.id, now, workspace, now))


async def _update_people(connection: AsyncConnection[Row], changed: Sequence[tuple[KnownPerson, Person]]) -> None:
    """Lock by id, then update: two batches that meet the same people must not wait for each other."""
    ids = [before.id for before, _ in changed]
    for before, person in changed:
        before.name, before.handle, before.avatar = person.name, person.handle, person.avatar
        before.is_self, before.is_staff = before.is_self or person.is_self, before.is_staff or person.is_staff
    await connection.execute("SELECT id FROM identity WHERE id = ANY(%b::bigint[]) ORDER BY id FOR NO KEY UPDATE", (ids,))
    await connection.execute(
        CHANGED_PEOPLE,
        (
            ids,
            [before.name for before, _ in changed],
            [before.handle for before, _ in changed],
            [before.avatar for before, _ in changed],
            [before.is_self for before, _ in changed],
            [before.is_staff for before, _ in changed],
        ),
    )


async def _upsert_posts(connection: AsyncConnection[Row], channel: Channel, posts: Sequence[Post], *, now: datetime) -> AsyncCursor[Row]:
    columns = (
        [post.id for post in posts],
        [post.title for post in posts],
        [post.text for post in posts],
        [post.url for post in posts],
        [Jsonb(list(post.media)) for post in posts],
        [post.published_at for post in posts],
    )
    return await connection.execute(POSTS, (channel.workspace_id, channel.id, now, *columns))


async def _insert_conversations(
    connection: AsyncConnection[Row], channel: Channel, founding: Sequence[Incoming], *, now: datetime
) -> AsyncCursor[Row]:
    """Their contact is the author of the first message, unless that is one of us: then whoever answers."""
    events = sorted(founding, key=lambda event: event.thread_id)
    customers = [event.person if event.person and not (event.person.is_self or event.person.is_staff) else None for event in events]
    columns = (
        [event.thread_id for event in events],
        [event.conversation_kind.value for event in events],
        [str((event.envelope or {}).get("subject", "")) for event in events],
        [event.post.id if event.post else None for event in events],
        [customer.external_id if customer else None for customer in customers],
        [customer.name if customer else "" for customer in customers],
        [event.at for event in events],
    )
    here, workspace = channel.id, channel.workspace_id
    return await connection.execute(CONVERSATIONS, (*columns, workspace, here, workspace, here, now, here, here))
