"""Remember who made a token, and whether an invitation was mailed."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import inbox.models.columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_token", sa.Column("created_by", sa.BigInteger(), nullable=True))
    op.add_column("invitation", sa.Column("mailed_at", inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.add_column("invitation", sa.Column("mail_error", sqlmodel.sql.sqltypes.AutoString(), nullable=True))


def downgrade() -> None:
    op.drop_column("invitation", "mail_error")
    op.drop_column("invitation", "mailed_at")
    op.drop_column("api_token", "created_by")
