"""merging"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import inbox.models.columns

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('conversation', sa.Column('merged_into', sa.BigInteger(), nullable=True))
    op.add_column('conversation', sa.Column('merged_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.add_column('conversation', sa.Column('merged_with', postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column('conversation', sa.Column('been_in', postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column('conversation', sa.Column('joined_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.create_foreign_key(None, 'conversation', 'conversation', ['workspace_id', 'merged_into'], ['workspace_id', 'id'], ondelete='CASCADE')
    op.create_index('conversation_merged', 'conversation', ['merged_into'], unique=False, postgresql_where=sa.text('merged_into IS NOT NULL'))
    op.add_column('message', sa.Column('strand_id', sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column('message', 'strand_id')
    op.drop_index('conversation_merged', table_name='conversation', postgresql_where=sa.text('merged_into IS NOT NULL'))
    op.drop_constraint('conversation_workspace_id_merged_into_fkey', 'conversation', type_='foreignkey')
    for column in ('joined_at', 'been_in', 'merged_with', 'merged_at', 'merged_into'):
        op.drop_column('conversation', column)
