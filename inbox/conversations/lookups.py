"""What a batch asks the database before it writes: the statements of `known`."""

from typing import LiteralString

from inbox.promptness import ledger

# First the locks of the batch's threads and messages, in order, then the events: the join has no row before all locks are held.
CLAIM = """
    INSERT INTO inbound (workspace_id, channel_id, event_id, raw, received_at)
    SELECT %s, %s, event_id, raw::jsonb, %s
      FROM (SELECT count(pg_advisory_xact_lock(%s, bucket::int)) AS locks FROM unnest(%b::bigint[]) AS bucket) AS held,
           unnest(%b::text[], %b::text[]) AS new (event_id, raw)
     WHERE held.locks >= 0
    ON CONFLICT DO NOTHING RETURNING event_id
"""

PLACE: LiteralString = """
    conversation.id, kind, status, contact_id, assignee_id, team_id, resolved_at, last_message_at, last_message_id, last_inbound_id,
    snippet, author_name, last_author, message_count, waiting_since, waiting_count, in_room, language, told_language, joined_at"""

# The conversations of the batch's threads; of several threads in one conversation, each is a row.
CONVERSATIONS = f"""
    SELECT ARRAY[external_id], {PLACE}
      FROM thread JOIN conversation ON conversation.id = conversation_id
     WHERE thread.channel_id = %s AND external_id = ANY(%b::text[])
     ORDER BY conversation.id FOR NO KEY UPDATE OF conversation
"""  # noqa: S608  # made of constants

# With those of the messages that are answered, changed or come back.
RELATED_CONVERSATIONS = f"""
    SELECT ARRAY(SELECT external_id FROM thread WHERE conversation_id = conversation.id), {PLACE}
      FROM conversation
     WHERE id IN (SELECT conversation_id FROM thread WHERE channel_id = %s AND external_id = ANY(%b::text[])
                  UNION SELECT conversation_id FROM message WHERE channel_id = %s AND external_id = ANY(%b::text[])
                  UNION SELECT conversation_id FROM message WHERE workspace_id = %s AND client_key = ANY(%b::text[]))
     ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608  # same

# After the lock, so that what another batch has just committed is in it.
WAITS = ledger.latest_of("IN (SELECT conversation_id FROM thread WHERE channel_id = %s AND external_id = ANY(%b::text[]))")
RELATED_WAITS = ledger.latest_of(
    """IN (SELECT conversation_id FROM thread WHERE channel_id = %s AND external_id = ANY(%b::text[])
           UNION SELECT conversation_id FROM message WHERE channel_id = %s AND external_id = ANY(%b::text[]))"""
)

# Ids for what is new, and for what somebody says in a room outside of its threads (names that begin with U+001F): the conversation that it
# belongs to may be over; and whether something is known that a batch seldom meets: its messages, changes and answers that came before them.
DRAW = """
    SELECT ARRAY(SELECT nextval('message_id_seq') FROM generate_series(1, %s)),
           ARRAY(SELECT nextval('conversation_id_seq') FROM unnest(%b::text[]) AS name
                  WHERE ascii(name) = 31 OR NOT EXISTS (SELECT FROM thread WHERE channel_id = %s AND external_id = name)),
           (SELECT episode_days FROM workspace WHERE id = %s),
           EXISTS (SELECT FROM policy WHERE workspace_id = %s AND is_on),
           ARRAY(SELECT language FROM spoken_language WHERE workspace_id = %s),
           (SELECT count(*) FROM message WHERE channel_id = %s AND external_id = ANY(%b::text[]))
           + (SELECT count(*) FROM deferred_change WHERE channel_id = %s AND message_external_id = ANY(%b::text[]))
           + (SELECT count(*) FROM message WHERE channel_id = %s AND parent_id IS NULL AND parent_external_id = ANY(%b::text[]))
"""

# Whoever settles a reply locks it before its conversation: so does a batch that may hold its echo. What was split off answers into the
# thread that it came from, which stays with the other conversation.
UNSENT = """
    SELECT id, conversation_id, thread_external_id, body, coalesce(send_at, at)
      FROM message
     WHERE delivery IN ('sending', 'ambiguous') AND channel_id = %s
       AND (client_key = ANY(%b::text[])
            OR thread_external_id = ANY(%b::text[])
            OR conversation_id IN (SELECT conversation_id FROM thread WHERE channel_id = %s AND external_id = ANY(%b::text[])
                                   UNION SELECT conversation_id FROM message WHERE channel_id = %s AND external_id = ANY(%b::text[])))
     ORDER BY id FOR NO KEY UPDATE
"""

MESSAGES = """
    SELECT message.id, message.external_id, message.client_key, message.conversation_id, message.direction, message.delivery,
           message.identity_id, message.body, message.html, message.at, message.edited_at, message.deleted_at, message.is_history,
           message.automatic, message.mentions_us, message.expects_since, message.parent_external_id, parent.direction
      FROM message LEFT JOIN message AS parent ON parent.id = message.parent_id
     WHERE (message.channel_id = %s AND message.external_id = ANY(%b::text[]))
        OR (message.workspace_id = %s AND message.client_key = ANY(%b::text[]))
"""

# Who is new gets an id already, and the contact with the same address or an id for one. Who is being erased is waited for, and is nobody
# known afterwards.
PEOPLE = """
    WITH identity AS MATERIALIZED (
        SELECT external_id, id, contact_id, name, handle, avatar, is_self, is_staff, member_id
          FROM identity WHERE channel_id = %s AND external_id = ANY(%b::text[]) FOR KEY SHARE)
    SELECT described.external_id, identity.id IS NULL, found.id IS NOT NULL,
           CASE WHEN identity.id IS NULL THEN nextval('identity_id_seq') ELSE identity.id END,
           CASE WHEN identity.id IS NULL THEN coalesce(found.id, nextval('contact_id_seq')) ELSE identity.contact_id END,
           identity.name, identity.handle, identity.avatar, identity.is_self, identity.is_staff, identity.member_id
      FROM unnest(%b::text[], %b::text[]) AS described (external_id, email)
      LEFT JOIN identity ON identity.external_id = described.external_id
      LEFT JOIN LATERAL (
           SELECT contact.id FROM contact
            WHERE described.email IS NOT NULL AND identity.id IS NULL
              AND workspace_id = %s AND lower(contact.email) = lower(described.email)
            ORDER BY contact.id LIMIT 1
      ) AS found ON true
"""

POSTS = "SELECT external_id, title, text, url FROM post WHERE channel_id = %s AND external_id = ANY(%b::text[])"

DEFERRED = """
    SELECT id, message_external_id, kind, at, text, html, author_external_id
      FROM deferred_change WHERE channel_id = %s AND message_external_id = ANY(%b::text[])
     ORDER BY at, id FOR UPDATE
"""

# Their conversations are told anew, seldom enough not to be looked for with the others: out of order, so that a deadlock is tried again.
HOLD_ORPHANS = """
    SELECT id FROM conversation
     WHERE id IN (SELECT conversation_id FROM message
                   WHERE channel_id = %s AND parent_id IS NULL AND parent_external_id = ANY(%b::text[]))
     ORDER BY id FOR NO KEY UPDATE
"""

ORPHANS = """
    SELECT id, parent_external_id, conversation_id, direction, body, at, automatic, is_history, mentions_us, expects_since
      FROM message WHERE channel_id = %s AND parent_id IS NULL AND parent_external_id = ANY(%b::text[])
"""
