"""Calendars, policies, and how long a wait may take."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import inbox.models.columns
from sqlalchemy.dialects import postgresql
revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('calendar',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('created_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('workspace_id', 'id'),
    sa.UniqueConstraint('workspace_id', 'name')
    )
    op.create_table('calendar_version',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('calendar_id', sa.BigInteger(), nullable=False),
    sa.Column('valid_from', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('definition', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('member_id', sa.BigInteger(), nullable=True),
    sa.Column('created_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id', 'calendar_id'], ['calendar.workspace_id', 'calendar.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id', 'member_id'], ['member.workspace_id', 'member.id'], ondelete='SET NULL (member_id)'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('calendar_id', 'valid_from', postgresql_nulls_not_distinct=True)
    )
    op.create_table('policy',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('is_on', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('conditions', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('targets', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('calendar_id', sa.BigInteger(), nullable=True),
    sa.Column('created_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('changed_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id', 'calendar_id'], ['calendar.workspace_id', 'calendar.id'], ondelete='SET NULL (calendar_id)'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('workspace_id', 'id'),
    sa.UniqueConstraint('workspace_id', 'name')
    )
    op.create_index('policy_position', 'policy', ['workspace_id', 'position', 'id'], unique=False)
    op.add_column('conversation', sa.Column('priority', sa.Enum('urgent', 'high', 'normal', 'low', name='priority', native_enum=False, length=32), server_default='normal', nullable=False))
    op.add_column('conversation', sa.Column('next_due_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.add_column('wait', sa.Column('policy_id', sa.BigInteger(), nullable=True))
    op.add_column('wait', sa.Column('target_seconds', sa.Integer(), nullable=True))
    op.add_column('wait', sa.Column('due_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.add_column('wait', sa.Column('breached_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.add_column('wait', sa.Column('late_on_policy', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('wait', sa.Column('caught_up_late', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('wait', sa.Column('business_seconds', sa.Float(), nullable=True))
    op.create_index('wait_due', 'wait', ['due_at'], unique=False, postgresql_where=sa.text('due_at IS NOT NULL AND closed_at IS NULL'))
    op.create_foreign_key('wait_workspace_id_policy_id_fkey', 'wait', 'policy', ['workspace_id', 'policy_id'], ['workspace_id', 'id'], ondelete='SET NULL (policy_id)')


def downgrade() -> None:
    op.drop_constraint('wait_workspace_id_policy_id_fkey', 'wait', type_='foreignkey')
    op.drop_index('wait_due', table_name='wait', postgresql_where=sa.text('due_at IS NOT NULL AND closed_at IS NULL'))
    op.drop_column('wait', 'business_seconds')
    op.drop_column('wait', 'caught_up_late')
    op.drop_column('wait', 'late_on_policy')
    op.drop_column('wait', 'breached_at')
    op.drop_column('wait', 'due_at')
    op.drop_column('wait', 'target_seconds')
    op.drop_column('wait', 'policy_id')
    op.drop_column('conversation', 'next_due_at')
    op.drop_column('conversation', 'priority')
    op.drop_index('policy_position', table_name='policy')
    op.drop_table('policy')
    op.drop_table('calendar_version')
    op.drop_table('calendar')
