"""What a batch asks the database before it writes: the statements of `known`."""

from inbox.promptness import ledger

HOLD = "SELECT pg_advisory_xact_lock(%s, bucket) FROM unnest(%b::int[]) AS bucket"

CLAIM = """
    INSERT INTO inbound (workspace_id, channel_id, event_id, raw, received_at)
    SELECT %s, %s, event_id, raw::jsonb, %s FROM unnest(%b::text[], %b::text[]) AS new (event_id, raw)
    ON CONFLICT DO NOTHING RETURNING event_id
"""

CONVERSATIONS = """
    SELECT id, kind, status, post_id, contact_id, assignee_id, team_id, resolved_at, last_message_at, last_message_id, last_inbound_id,
           snippet, author_name, last_author, message_count, waiting_since, waiting_count
      FROM conversation
     WHERE id IN (SELECT conversation_id FROM thread WHERE channel_id = %s AND external_id = ANY(%b::text[])
                  UNION SELECT conversation_id FROM message WHERE channel_id = %s AND external_id = ANY(%b::text[])
                  UNION SELECT conversation_id FROM message WHERE workspace_id = %s AND client_key = ANY(%b::text[]))
     ORDER BY id FOR NO KEY UPDATE
"""

# After the lock, so that what another batch has just committed is in it.
WAITS = ledger.latest_of(
    """IN (SELECT conversation_id FROM thread WHERE channel_id = %s AND external_id = ANY(%b::text[])
           UNION SELECT conversation_id FROM message WHERE channel_id = %s AND external_id = ANY(%b::text[]))"""
)

NUMBERS = "SELECT nextval('message_id_seq'), (SELECT episode_days FROM workspace WHERE id = %s) FROM generate_series(1, %s)"

# Whoever settles a reply locks it before its conversation: so does a batch that may hold its echo.
UNSENT = """
    SELECT id, conversation_id, body, coalesce(send_at, at)
      FROM message
     WHERE delivery IN ('sending', 'ambiguous') AND channel_id = %s
       AND (client_key = ANY(%b::text[])
            OR conversation_id IN (SELECT conversation_id FROM thread WHERE channel_id = %s AND external_id = ANY(%b::text[])))
     ORDER BY id FOR NO KEY UPDATE
"""

THREADS = "SELECT external_id, conversation_id FROM thread WHERE channel_id = %s AND external_id = ANY(%b::text[])"

MESSAGES = """
    SELECT message.id, message.external_id, message.client_key, message.conversation_id, message.direction, message.delivery,
           message.identity_id, message.body, message.html, message.at, message.edited_at, message.deleted_at, message.is_history,
           message.automatic, message.mentions_us, message.expects_since, message.parent_external_id, parent.direction
      FROM message LEFT JOIN message AS parent ON parent.id = message.parent_id
     WHERE (message.channel_id = %s AND message.external_id = ANY(%b::text[]))
        OR (message.workspace_id = %s AND message.client_key = ANY(%b::text[]))
"""

# Who is being erased is waited for, and is nobody known afterwards.
PEOPLE = """
    SELECT external_id, id, contact_id, name, handle, avatar, is_self, is_staff, member_id
      FROM identity WHERE channel_id = %s AND external_id = ANY(%b::text[]) FOR KEY SHARE
"""

POSTS = "SELECT external_id, id, title, text, url FROM post WHERE channel_id = %s AND external_id = ANY(%b::text[])"

DEFERRED = """
    SELECT id, message_external_id, kind, at, text, html, author_external_id
      FROM deferred_change WHERE channel_id = %s AND message_external_id = ANY(%b::text[])
     ORDER BY at, id FOR UPDATE
"""

ORPHANS = """
    SELECT id, parent_external_id, conversation_id, direction, body, at, automatic, is_history, mentions_us, expects_since
      FROM message WHERE channel_id = %s AND parent_id IS NULL AND parent_external_id = ANY(%b::text[])
"""
