"""splitting off"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('conversation', sa.Column('split_from', postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_index(
        'conversation_split',
        'conversation',
        ['split_from'],
        unique=False,
        postgresql_using='gin',
        postgresql_where=sa.text('split_from IS NOT NULL'),
    )


def downgrade() -> None:
    op.drop_index('conversation_split', table_name='conversation', postgresql_using='gin', postgresql_where=sa.text('split_from IS NOT NULL'))
    op.drop_column('conversation', 'split_from')
