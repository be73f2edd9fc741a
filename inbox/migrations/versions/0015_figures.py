"""Reports by mail, and indexes for figures."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

import inbox.models.columns

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('report_schedule',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('rhythm', sa.Enum('weekly', 'monthly', name='rhythm', native_enum=False, length=32), nullable=False),
    sa.Column('member_ids', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('created_by', sa.BigInteger(), nullable=True),
    sa.Column('created_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('next_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('mailed_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('error', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id', 'created_by'], ['member.workspace_id', 'member.id'], ondelete='SET NULL (created_by)'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('report_schedule_next', 'report_schedule', ['next_at'], unique=False)
    op.create_index('wait_long', 'wait', ['workspace_id', 'closed_at'], unique=False, postgresql_where=sa.text("closed_at - opened_at > '14 days'::interval"))
    op.create_index('message_template', 'message', ['workspace_id', 'at'], unique=False, postgresql_where=sa.text('template_id IS NOT NULL'))


def downgrade() -> None:
    op.drop_table('report_schedule')
    op.drop_index('message_template', table_name='message', postgresql_where=sa.text('template_id IS NOT NULL'))
    op.drop_index('wait_long', table_name='wait', postgresql_where=sa.text("closed_at - opened_at > '14 days'::interval"))
