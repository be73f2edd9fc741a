"""Versions of calendars, their files and feeds, what is removed, and tiers of contacts."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import inbox.models.columns
from sqlalchemy.dialects import postgresql
revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('retargeting',
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('horizon', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('workspace_id')
    )
    op.create_table('calendar_source',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('calendar_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('host', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('secret_url', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('opens', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('days', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('member_id', sa.BigInteger(), nullable=True),
    sa.Column('created_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('read_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('try_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('error', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id', 'calendar_id'], ['calendar.workspace_id', 'calendar.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id', 'member_id'], ['member.workspace_id', 'member.id'], ondelete='SET NULL (member_id)'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('workspace_id', 'id')
    )
    op.create_index('calendar_source_due', 'calendar_source', ['try_at'], unique=False)
    op.create_index(op.f('ix_calendar_source_calendar_id'), 'calendar_source', ['calendar_id'], unique=False)
    op.add_column('calendar', sa.Column('revision', sa.Integer(), server_default='1', nullable=False))
    op.add_column('calendar', sa.Column('was_used', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('calendar', sa.Column('removed_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f('calendar_workspace_id_name_key'), 'calendar', type_='unique')
    op.create_index('calendar_name', 'calendar', ['workspace_id', 'name'], unique=True, postgresql_where=sa.text('removed_at IS NULL'))
    op.add_column('calendar_version', sa.Column('sourced', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False))
    op.add_column('contact', sa.Column('tier', sqlmodel.sql.sqltypes.AutoString(), server_default='', nullable=False))
    op.add_column('policy', sa.Column('revision', sa.Integer(), server_default='1', nullable=False))
    op.add_column('policy', sa.Column('removed_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f('policy_workspace_id_name_key'), 'policy', type_='unique')
    op.create_index('policy_name', 'policy', ['workspace_id', 'name'], unique=True, postgresql_where=sa.text('removed_at IS NULL'))


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE removed_at IS NOT NULL")  # their names may be in use again
    op.execute("DELETE FROM calendar WHERE removed_at IS NOT NULL")
    op.drop_index('policy_name', table_name='policy', postgresql_where=sa.text('removed_at IS NULL'))
    op.create_unique_constraint(op.f('policy_workspace_id_name_key'), 'policy', ['workspace_id', 'name'], postgresql_nulls_not_distinct=False)
    op.drop_column('policy', 'removed_at')
    op.drop_column('policy', 'revision')
    op.drop_column('contact', 'tier')
    op.drop_column('calendar_version', 'sourced')
    op.drop_index('calendar_name', table_name='calendar', postgresql_where=sa.text('removed_at IS NULL'))
    op.create_unique_constraint(op.f('calendar_workspace_id_name_key'), 'calendar', ['workspace_id', 'name'], postgresql_nulls_not_distinct=False)
    op.drop_column('calendar', 'removed_at')
    op.drop_column('calendar', 'was_used')
    op.drop_column('calendar', 'revision')
    op.drop_index(op.f('ix_calendar_source_calendar_id'), table_name='calendar_source')
    op.drop_index('calendar_source_due', table_name='calendar_source')
    op.drop_table('calendar_source')
    op.drop_table('retargeting')
