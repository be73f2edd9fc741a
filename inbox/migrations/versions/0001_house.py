"""The house: every table of the first release."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

import inbox.models.columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# One writer at a time takes event ids and commits: the lock is held to the end of the transaction, and a statement trigger runs before any
# id is drawn. Without it a reader that goes by id skips what commits late (docs/decisions/0002-log.md).
LOG_LOCK = """
CREATE FUNCTION event_lock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(20260423);
    RETURN NULL;
END $$;
CREATE TRIGGER event_lock BEFORE INSERT ON event FOR EACH STATEMENT EXECUTE FUNCTION event_lock();
"""


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("email", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("password_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("totp_secret", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=True),
        sa.Column("locale", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email"),
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("held", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("held_since", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "throttle",
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("window_ends_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        prefixes=["UNLOGGED"],
    )
    op.create_index("throttle_window", "throttle", ["window_ends_at"], unique=False)
    op.create_table(
        "workspace",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("is_demo", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("timezone", sqlmodel.sql.sqltypes.AutoString(), server_default="Europe/Berlin", nullable=False),
        sa.Column("locale", sqlmodel.sql.sqltypes.AutoString(), server_default="en", nullable=False),
        sa.Column("undo_seconds", sa.Integer(), server_default="5", nullable=False),
        sa.Column("episode_days", sa.Integer(), server_default="7", nullable=False),
        sa.Column("privacy_url", sqlmodel.sql.sqltypes.AutoString(), server_default="", nullable=False),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "account_session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("user_agent", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("address", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("seen_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index(op.f("ix_account_session_account_id"), "account_session", ["account_id"], unique=False)
    op.create_table(
        "channel",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("platform", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("config", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("public_config", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("account_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("account_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("restricted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("expects_answer", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("staff", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("raw_days", sa.Integer(), nullable=True),
        sa.Column("connected_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("removed_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column(
            "state",
            sa.Enum("connecting", "healthy", "failing", "broken", "paused", name="channelstate", native_enum=False, length=32),
            server_default="connecting",
            nullable=False,
        ),
        sa.Column("cursor", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lease_owner", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lease_until", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("error", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("error_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("last_event_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("last_success_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("lag_seconds", sa.Float(), nullable=True),
        sa.Column("gap_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
        sa.UniqueConstraint("workspace_id", "id"),
    )
    op.create_table(
        "contact",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("email", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("avatar", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("legal_hold", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "id"),
    )
    op.create_index(
        "contact_email",
        "contact",
        ["workspace_id", sa.literal_column("lower(email)")],
        unique=False,
        postgresql_where=sa.text("email IS NOT NULL"),
    )
    op.create_table(
        "erasure",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("erased_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "fingerprint"),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("event_conversation", "event", ["conversation_id", "id"], unique=False)
    op.create_index("event_workspace", "event", ["workspace_id", "id"], unique=False)
    op.create_index(op.f("ix_event_at"), "event", ["at"], unique=False)
    op.create_table(
        "invitation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=True),
        sa.Column("token_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "role",
            sa.Enum("viewer", "agent", "supervisor", "admin", name="role", native_enum=False, length=32),
            server_default="agent",
            nullable=False,
        ),
        sa.Column("email", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("used_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_table(
        "label",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("colour", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.UniqueConstraint("workspace_id", "name"),
    )
    op.create_table(
        "member",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            sa.Enum("viewer", "agent", "supervisor", "admin", name="role", native_enum=False, length=32),
            server_default="agent",
            nullable=False,
        ),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("public_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("signature", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("undo_seconds", sa.Integer(), nullable=True),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("removed_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "account_id"),
        sa.UniqueConstraint("workspace_id", "id"),
    )
    op.create_index(op.f("ix_member_account_id"), "member", ["account_id"], unique=False)
    op.create_table(
        "team",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.UniqueConstraint("workspace_id", "name"),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("token_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "role",
            sa.Enum("viewer", "agent", "supervisor", "admin", name="role", native_enum=False, length=32),
            server_default="agent",
            nullable=False,
        ),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("used_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_table(
        "channel_access",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("team_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id", "channel_id"], ["channel.workspace_id", "channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "team_id"], ["team.workspace_id", "team.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "channel_access_member",
        "channel_access",
        ["channel_id", "member_id"],
        unique=True,
        postgresql_where=sa.text("member_id IS NOT NULL"),
    )
    op.create_index(
        "channel_access_team", "channel_access", ["channel_id", "team_id"], unique=True, postgresql_where=sa.text("team_id IS NOT NULL")
    )
    op.create_table(
        "channel_voice",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("public_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("signature", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "channel_id"], ["channel.workspace_id", "channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("channel_id", "member_id"),
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("replayed_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id", "channel_id"], ["channel.workspace_id", "channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "dead_letter_open", "dead_letter", ["workspace_id", "id"], unique=False, postgresql_where=sa.text("replayed_at IS NULL")
    )
    op.create_table(
        "deferred_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("message_external_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "message", "edit", "delete", "reaction", "read", "delivery", "moderation", name="eventkind", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column("at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("html", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("author_external_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("received_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "channel_id"], ["channel.workspace_id", "channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("deferred_change_message", "deferred_change", ["channel_id", "message_external_id"], unique=False)
    op.create_table(
        "identity",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("handle", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("avatar", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("is_self", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_staff", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "channel_id"], ["channel.workspace_id", "channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "contact_id"], ["contact.workspace_id", "contact.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("channel_id", "external_id"),
        sa.UniqueConstraint("workspace_id", "id"),
    )
    op.create_index(op.f("ix_identity_contact_id"), "identity", ["contact_id"], unique=False)
    op.create_table(
        "inbound",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("received_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "channel_id"], ["channel.workspace_id", "channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("channel_id", "event_id"),
    )
    op.create_index("inbound_received", "inbound", ["received_at"], unique=False)
    op.create_table(
        "post",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("title", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("url", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("media", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("published_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "channel_id"], ["channel.workspace_id", "channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("channel_id", "external_id"),
        sa.UniqueConstraint("workspace_id", "id"),
    )
    op.create_table(
        "team_member",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "team_id"], ["team.workspace_id", "team.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("team_id", "member_id"),
    )
    op.create_table(
        "template",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("shortcut", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("body", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("locale", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("uses", sa.Integer(), server_default="0", nullable=False),
        sa.Column("updated_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "channel_id"], ["channel.workspace_id", "channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "id"),
        sa.UniqueConstraint("workspace_id", "shortcut"),
    )
    op.create_table(
        "visitor",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("email", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("locale", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("erased_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id", "channel_id"], ["channel.workspace_id", "channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("channel_id", "external_id"),
        sa.UniqueConstraint("workspace_id", "id"),
    )
    op.create_table(
        "conversation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind", sa.Enum("comments", "direct", "email", "review", name="conversationkind", native_enum=False, length=32), nullable=False
        ),
        sa.Column(
            "status",
            sa.Enum("open", "pending", "snoozed", "resolved", "spam", name="status", native_enum=False, length=32),
            server_default="open",
            nullable=False,
        ),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("post_id", sa.BigInteger(), nullable=True),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("assignee_id", sa.BigInteger(), nullable=True),
        sa.Column("team_id", sa.BigInteger(), nullable=True),
        sa.Column("snoozed_until", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("erased_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("last_message_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("last_message_id", sa.BigInteger(), nullable=True),
        sa.Column("last_inbound_id", sa.BigInteger(), nullable=True),
        sa.Column("snippet", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("author_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("last_author", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("message_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("waiting_since", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("waiting_count", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "assignee_id"], ["member.workspace_id", "member.id"], ondelete="SET NULL (assignee_id)"),
        sa.ForeignKeyConstraint(["workspace_id", "channel_id"], ["channel.workspace_id", "channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "contact_id"], ["contact.workspace_id", "contact.id"], ondelete="SET NULL (contact_id)"),
        sa.ForeignKeyConstraint(["workspace_id", "post_id"], ["post.workspace_id", "post.id"], ondelete="SET NULL (post_id)"),
        sa.ForeignKeyConstraint(["workspace_id", "team_id"], ["team.workspace_id", "team.id"], ondelete="SET NULL (team_id)"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "id"),
    )
    op.create_index(
        "conversation_assignee",
        "conversation",
        ["workspace_id", "assignee_id", "status", sa.literal_column("last_message_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "conversation_channel",
        "conversation",
        ["channel_id", "status", sa.literal_column("last_message_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index("conversation_contact", "conversation", ["contact_id"], unique=False)
    op.create_index("conversation_post", "conversation", ["post_id"], unique=False)
    op.create_index(
        "conversation_recent",
        "conversation",
        ["workspace_id", "status", sa.literal_column("last_message_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "conversation_snoozed", "conversation", ["snoozed_until"], unique=False, postgresql_where=sa.text("snoozed_until IS NOT NULL")
    )
    op.create_index(
        "conversation_team",
        "conversation",
        ["team_id", "status", sa.literal_column("last_message_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "conversation_waiting",
        "conversation",
        ["workspace_id", "waiting_since", "id"],
        unique=False,
        postgresql_where=sa.text("waiting_since IS NOT NULL"),
    )
    op.create_index(op.f("ix_conversation_channel_id"), "conversation", ["channel_id"], unique=False)
    op.create_table(
        "visitor_presence",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("visitor_id", sa.BigInteger(), nullable=False),
        sa.Column("connected_until", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("typing_until", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id", "visitor_id"], ["visitor.workspace_id", "visitor.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("visitor_id"),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "visitor_token",
        sa.Column("token_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("visitor_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "visitor_id"], ["visitor.workspace_id", "visitor.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index(op.f("ix_visitor_token_visitor_id"), "visitor_token", ["visitor_id"], unique=False)
    op.create_table(
        "conversation_label",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("label_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "conversation_id"], ["conversation.workspace_id", "conversation.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "label_id"], ["label.workspace_id", "label.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("conversation_id", "label_id"),
    )
    op.create_table(
        "draft",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("mode", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("body", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("updated_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "conversation_id"], ["conversation.workspace_id", "conversation.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("conversation_id", "member_id"),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("thread_external_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("direction", sa.Enum("in", "out", name="direction", native_enum=False, length=32), nullable=False),
        sa.Column("private", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("identity_id", sa.BigInteger(), nullable=True),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("author_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("body", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("html", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("quoted", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("envelope", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("permalink", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("parent_external_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("mentions_us", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("mentions", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("expects_since", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("received_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("edited_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("hidden_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("is_history", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("automatic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("native", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "delivery",
            sa.Enum(
                "received", "queued", "sending", "sent", "failed", "ambiguous", "undone", name="delivery", native_enum=False, length=32
            ),
            server_default="received",
            nullable=False,
        ),
        sa.Column("client_key", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("send_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_owner", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lease_until", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("error", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("try_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("uncertain", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("answers_all", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("then_resolve", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("template_id", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("seen_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id", "channel_id"], ["channel.workspace_id", "channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "conversation_id"], ["conversation.workspace_id", "conversation.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace_id", "identity_id"], ["identity.workspace_id", "identity.id"], ondelete="SET NULL (identity_id)"
        ),
        sa.ForeignKeyConstraint(["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="SET NULL (member_id)"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("channel_id", "external_id"),
        sa.UniqueConstraint("workspace_id", "client_key"),
        sa.UniqueConstraint("workspace_id", "id"),
    )
    op.create_index(op.f("ix_message_identity_id"), "message", ["identity_id"], unique=False)
    op.create_index("message_conversation", "message", ["conversation_id", "at", "id"], unique=False)
    op.create_index(
        "message_orphan",
        "message",
        ["channel_id", "parent_external_id"],
        unique=False,
        postgresql_where=sa.text("parent_id IS NULL AND parent_external_id IS NOT NULL"),
    )
    op.create_index(
        "message_outbox", "message", ["send_at", "id"], unique=False, postgresql_where=sa.text("delivery IN ('queued', 'sending')")
    )
    op.create_index(
        "message_search", "message", [sa.literal_column("to_tsvector('simple'::regconfig, body)")], unique=False, postgresql_using="gin"
    )
    op.create_index(
        "message_trouble", "message", ["conversation_id"], unique=False, postgresql_where=sa.text("delivery IN ('failed', 'ambiguous')")
    )
    op.create_index(
        "message_unsent",
        "message",
        ["conversation_id", "id"],
        unique=False,
        postgresql_where=sa.text("delivery IN ('queued', 'sending', 'ambiguous')"),
    )
    op.create_table(
        "note",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("author_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("body", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("client_key", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("edited_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id", "conversation_id"], ["conversation.workspace_id", "conversation.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="SET NULL (member_id)"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "client_key"),
    )
    op.create_index(op.f("ix_note_conversation_id"), "note", ["conversation_id"], unique=False)
    op.create_table(
        "presence",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("typing_until", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("until", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "conversation_id"], ["conversation.workspace_id", "conversation.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("conversation_id", "member_id"),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_presence_until"), "presence", ["until"], unique=False)
    op.create_table(
        "reading",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "conversation_id"], ["conversation.workspace_id", "conversation.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "member_id"], ["member.workspace_id", "member.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("conversation_id", "member_id"),
    )
    op.create_table(
        "thread",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "channel_id"], ["channel.workspace_id", "channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "conversation_id"], ["conversation.workspace_id", "conversation.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("channel_id", "external_id"),
    )
    op.create_index(op.f("ix_thread_conversation_id"), "thread", ["conversation_id"], unique=False)
    op.create_table(
        "wait",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("identity_id", sa.BigInteger(), nullable=False),
        sa.Column("metric", sa.Enum("first", "next", name="metric", native_enum=False, length=32), nullable=False),
        sa.Column("opened_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.BigInteger(), nullable=False),
        sa.Column("received_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("closed_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.BigInteger(), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "answered",
                "answered_by_community",
                "not_needed",
                "not_needed_by_rule",
                "spam",
                "hidden",
                "deleted",
                "merged",
                name="outcome",
                native_enum=False,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("assignee_id", sa.BigInteger(), nullable=True),
        sa.Column("team_id", sa.BigInteger(), nullable=True),
        sa.Column("native", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("bulk", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "channel_id"], ["channel.workspace_id", "channel.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "conversation_id"], ["conversation.workspace_id", "conversation.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "identity_id"], ["identity.workspace_id", "identity.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "id"),
    )
    op.create_index("wait_conversation", "wait", ["conversation_id", "opened_at"], unique=False)
    op.create_index("wait_open", "wait", ["conversation_id", "identity_id"], unique=True, postgresql_where=sa.text("closed_at IS NULL"))
    op.create_index("wait_workspace_closed", "wait", ["workspace_id", "closed_at"], unique=False)
    op.create_index("wait_workspace_opened", "wait", ["workspace_id", "opened_at"], unique=False)
    op.create_table(
        "attachment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("media_type", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("sha256", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("url", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("content_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("created_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "conversation_id"], ["conversation.workspace_id", "conversation.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "message_id"], ["message.workspace_id", "message.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "id"),
    )
    op.create_index(op.f("ix_attachment_message_id"), "attachment", ["message_id"], unique=False)
    op.create_index(op.f("ix_attachment_sha256"), "attachment", ["sha256"], unique=False)
    op.create_table(
        "reaction",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("identity_id", sa.BigInteger(), nullable=False),
        sa.Column("emoji", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "identity_id"], ["identity.workspace_id", "identity.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "message_id"], ["message.workspace_id", "message.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("message_id", "identity_id"),
    )
    op.create_table(
        "visitor_mail",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("visitor_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("sending", "waiting", "sent", "failed", "ambiguous", name="mailing", native_enum=False, length=32),
            server_default="sending",
            nullable=False,
        ),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease_until", inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("error", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("mail_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id", "message_id"], ["message.workspace_id", "message.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id", "visitor_id"], ["visitor.workspace_id", "visitor.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("visitor_mail_visitor", "visitor_mail", ["visitor_id"], unique=False)
    op.execute(LOG_LOCK)
    op.execute("INSERT INTO installation (id) VALUES (1)")


def downgrade() -> None:
    op.drop_index("visitor_mail_visitor", table_name="visitor_mail")
    op.drop_table("visitor_mail")
    op.drop_table("reaction")
    op.drop_index(op.f("ix_attachment_sha256"), table_name="attachment")
    op.drop_index(op.f("ix_attachment_message_id"), table_name="attachment")
    op.drop_table("attachment")
    op.drop_index("wait_workspace_opened", table_name="wait")
    op.drop_index("wait_workspace_closed", table_name="wait")
    op.drop_index("wait_open", table_name="wait", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_index("wait_conversation", table_name="wait")
    op.drop_table("wait")
    op.drop_index(op.f("ix_thread_conversation_id"), table_name="thread")
    op.drop_table("thread")
    op.drop_table("reading")
    op.drop_index(op.f("ix_presence_until"), table_name="presence")
    op.drop_table("presence")
    op.drop_index(op.f("ix_note_conversation_id"), table_name="note")
    op.drop_table("note")
    op.drop_index("message_unsent", table_name="message", postgresql_where=sa.text("delivery IN ('queued', 'sending', 'ambiguous')"))
    op.drop_index("message_trouble", table_name="message", postgresql_where=sa.text("delivery IN ('failed', 'ambiguous')"))
    op.drop_index("message_search", table_name="message", postgresql_using="gin")
    op.drop_index("message_outbox", table_name="message", postgresql_where=sa.text("delivery IN ('queued', 'sending')"))
    op.drop_index("message_orphan", table_name="message", postgresql_where=sa.text("parent_id IS NULL AND parent_external_id IS NOT NULL"))
    op.drop_index("message_conversation", table_name="message")
    op.drop_index(op.f("ix_message_identity_id"), table_name="message")
    op.drop_table("message")
    op.drop_table("draft")
    op.drop_table("conversation_label")
    op.drop_index(op.f("ix_visitor_token_visitor_id"), table_name="visitor_token")
    op.drop_table("visitor_token")
    op.drop_table("visitor_presence")
    op.drop_index(op.f("ix_conversation_channel_id"), table_name="conversation")
    op.drop_index("conversation_waiting", table_name="conversation", postgresql_where=sa.text("waiting_since IS NOT NULL"))
    op.drop_index("conversation_team", table_name="conversation")
    op.drop_index("conversation_snoozed", table_name="conversation", postgresql_where=sa.text("snoozed_until IS NOT NULL"))
    op.drop_index("conversation_recent", table_name="conversation")
    op.drop_index("conversation_post", table_name="conversation")
    op.drop_index("conversation_contact", table_name="conversation")
    op.drop_index("conversation_channel", table_name="conversation")
    op.drop_index("conversation_assignee", table_name="conversation")
    op.drop_table("conversation")
    op.drop_table("visitor")
    op.drop_table("template")
    op.drop_table("team_member")
    op.drop_table("post")
    op.drop_index("inbound_received", table_name="inbound")
    op.drop_table("inbound")
    op.drop_index(op.f("ix_identity_contact_id"), table_name="identity")
    op.drop_table("identity")
    op.drop_index("deferred_change_message", table_name="deferred_change")
    op.drop_table("deferred_change")
    op.drop_index("dead_letter_open", table_name="dead_letter", postgresql_where=sa.text("replayed_at IS NULL"))
    op.drop_table("dead_letter")
    op.drop_table("channel_voice")
    op.drop_index("channel_access_team", table_name="channel_access", postgresql_where=sa.text("team_id IS NOT NULL"))
    op.drop_index("channel_access_member", table_name="channel_access", postgresql_where=sa.text("member_id IS NOT NULL"))
    op.drop_table("channel_access")
    op.drop_table("api_token")
    op.drop_table("team")
    op.drop_index(op.f("ix_member_account_id"), table_name="member")
    op.drop_table("member")
    op.drop_table("label")
    op.drop_table("invitation")
    op.drop_index(op.f("ix_event_at"), table_name="event")
    op.drop_index("event_workspace", table_name="event")
    op.drop_index("event_conversation", table_name="event")
    op.drop_table("event")
    op.execute("DROP FUNCTION event_lock")
    op.drop_table("erasure")
    op.drop_index("contact_email", table_name="contact", postgresql_where=sa.text("email IS NOT NULL"))
    op.drop_table("contact")
    op.drop_table("channel")
    op.drop_index(op.f("ix_account_session_account_id"), table_name="account_session")
    op.drop_table("account_session")
    op.drop_table("workspace")
    op.drop_index("throttle_window", table_name="throttle")
    op.drop_table("throttle")
    op.drop_table("installation")
    op.drop_table("account")
