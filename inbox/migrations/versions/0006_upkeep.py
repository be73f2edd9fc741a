"""Know how well a channel is read."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

import inbox.models.columns

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('channel_gap',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('channel_id', sa.BigInteger(), nullable=False),
    sa.Column('since', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('found_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('acknowledged_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('acknowledged_by', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id', 'acknowledged_by'], ['member.workspace_id', 'member.id'], ondelete='SET NULL (acknowledged_by)'),
    sa.ForeignKeyConstraint(['workspace_id', 'channel_id'], ['channel.workspace_id', 'channel.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('channel_gap_found', 'channel_gap', ['channel_id', 'id'], unique=False)
    op.execute(
        "INSERT INTO channel_gap (workspace_id, channel_id, found_at) SELECT workspace_id, id, gap_at FROM channel WHERE gap_at IS NOT NULL"
    )
    op.create_table('channel_hour',
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('channel_id', sa.BigInteger(), nullable=False),
    sa.Column('hour', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id', 'channel_id'], ['channel.workspace_id', 'channel.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('channel_id', 'hour')
    )
    op.create_table('passed_over',
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('channel_id', sa.BigInteger(), nullable=False),
    sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('count', sa.BigInteger(), nullable=False),
    sa.Column('first_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('last_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id', 'channel_id'], ['channel.workspace_id', 'channel.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('channel_id', 'reason')
    )
    op.create_table('reconciliation',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('channel_id', sa.BigInteger(), nullable=False),
    sa.Column('night', sa.Date(), nullable=True),
    sa.Column('days', sa.Integer(), nullable=False),
    sa.Column('started_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('finished_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('lease_until', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('posts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('compared', sa.Integer(), server_default='0', nullable=False),
    sa.Column('listed', sa.Integer(), server_default='0', nullable=False),
    sa.Column('known', sa.Integer(), server_default='0', nullable=False),
    sa.Column('fetched', sa.Integer(), server_default='0', nullable=False),
    sa.Column('unreadable', sa.Integer(), server_default='0', nullable=False),
    sa.Column('unlisted', sa.Integer(), server_default='0', nullable=False),
    sa.Column('differing', sa.Integer(), server_default='0', nullable=False),
    sa.Column('stopped', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('findings', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.ForeignKeyConstraint(['workspace_id', 'channel_id'], ['channel.workspace_id', 'channel.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('channel_id', 'night')
    )
    op.create_index('reconciliation_newest', 'reconciliation', ['channel_id', sa.literal_column('id DESC')], unique=False)
    op.create_index('reconciliation_running', 'reconciliation', ['channel_id'], unique=True, postgresql_where=sa.text('finished_at IS NULL'))
    op.add_column('channel', sa.Column('read_since', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.add_column('channel', sa.Column('quota_used', sa.BigInteger(), nullable=True))
    op.add_column('channel', sa.Column('quota_limit', sa.BigInteger(), nullable=True))
    op.add_column('channel', sa.Column('quota_resets_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.add_column('channel', sa.Column('token_expires_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.add_column('channel', sa.Column('token_warned_days', sa.Integer(), nullable=True))
    op.add_column('channel', sa.Column('silence_hours', sa.Integer(), nullable=True))
    op.add_column('channel', sa.Column('silent_since', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('channel', 'silent_since')
    op.drop_column('channel', 'silence_hours')
    op.drop_column('channel', 'token_warned_days')
    op.drop_column('channel', 'token_expires_at')
    op.drop_column('channel', 'quota_resets_at')
    op.drop_column('channel', 'quota_limit')
    op.drop_column('channel', 'quota_used')
    op.drop_column('channel', 'read_since')
    op.drop_index('reconciliation_running', table_name='reconciliation', postgresql_where=sa.text('finished_at IS NULL'))
    op.drop_index('reconciliation_newest', table_name='reconciliation')
    op.drop_table('reconciliation')
    op.drop_table('passed_over')
    op.drop_table('channel_hour')
    op.drop_index('channel_gap_found', table_name='channel_gap')
    op.drop_table('channel_gap')
