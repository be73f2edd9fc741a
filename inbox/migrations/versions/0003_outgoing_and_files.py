"""Say that sending fails, fetch files from platforms, purge deleted texts."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import inbox.models.columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("channel", sa.Column("send_error", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column("channel", sa.Column("send_error_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.add_column("attachment", sa.Column("fetch_tries", sa.Integer(), server_default="0", nullable=False))
    op.add_column("attachment", sa.Column("fetch_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.create_index(
        "attachment_unfetched",
        "attachment",
        [sa.literal_column("fetch_at NULLS FIRST"), "id"],
        postgresql_where=sa.text("sha256 IS NULL AND url IS NOT NULL AND fetch_tries < 6"),
    )
    op.create_index("message_deleted", "message", ["deleted_at"], postgresql_where=sa.text("deleted_at IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("message_deleted", table_name="message")
    op.drop_index("attachment_unfetched", table_name="attachment")
    op.drop_column("attachment", "fetch_at")
    op.drop_column("attachment", "fetch_tries")
    op.drop_column("channel", "send_error_at")
    op.drop_column("channel", "send_error")
