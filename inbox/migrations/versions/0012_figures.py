"""figures"""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('wait_long', 'wait', ['workspace_id', 'closed_at'], unique=False, postgresql_where=sa.text("closed_at - opened_at > '14 days'::interval"))
    op.create_index('message_template', 'message', ['workspace_id', 'at'], unique=False, postgresql_where=sa.text('template_id IS NOT NULL'))


def downgrade() -> None:
    op.drop_index('message_template', table_name='message', postgresql_where=sa.text('template_id IS NOT NULL'))
    op.drop_index('wait_long', table_name='wait', postgresql_where=sa.text("closed_at - opened_at > '14 days'::interval"))
