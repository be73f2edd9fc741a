"""Who had a wait when, whose hours count, and what a wrong clock said."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import inbox.models.columns

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('message', sa.Column('told_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.add_column('wait', sa.Column('calendar_id', sa.BigInteger(), nullable=True))
    op.add_column('wait', sa.Column('segments', postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.execute("UPDATE wait SET calendar_id = policy.calendar_id FROM policy WHERE policy.id = wait.policy_id")
    # Ended before there was any policy: no later one counts for it.
    op.execute(
        "UPDATE wait SET business_seconds = greatest(extract(epoch FROM closed_at - opened_at), 0)"
        " WHERE closed_at IS NOT NULL AND business_seconds IS NULL"
    )


def downgrade() -> None:
    op.drop_column('wait', 'segments')
    op.drop_column('wait', 'calendar_id')
    op.drop_column('message', 'told_at')
