"""Keep what the breach forecast has learnt."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import inbox.models.columns

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('breach_forecast',
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('claimed_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('fitted_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('fitted', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('workspace_id')
    )


def downgrade() -> None:
    op.drop_table('breach_forecast')
