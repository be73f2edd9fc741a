"""search"""

import sqlalchemy as sa
from alembic import op

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('contact_named', 'contact', [sa.text("to_tsvector('simple'::regconfig, name)")], unique=False, postgresql_using='gin')
    op.create_index(
        'conversation_titled',
        'conversation',
        [sa.text("to_tsvector('simple'::regconfig, subject)")],
        unique=False,
        postgresql_using='gin',
        postgresql_where=sa.text("subject <> ''"),
    )


def downgrade() -> None:
    op.drop_index('conversation_titled', table_name='conversation', postgresql_using='gin', postgresql_where=sa.text("subject <> ''"))
    op.drop_index('contact_named', table_name='contact', postgresql_using='gin')
