"""Renewed secrets, and comparisons that somebody asked for."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import inbox.models.columns

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('channel', sa.Column('renewed', sqlmodel.sql.sqltypes.AutoString(), server_default='', nullable=False))
    op.add_column('channel', sa.Column('compare_asked_at', inbox.models.columns.UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column('channel', 'compare_asked_at')
    op.drop_column('channel', 'renewed')
