"""Alerts, the messages about them, and Parley's own troubles."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import inbox.models.columns
from sqlalchemy.dialects import postgresql
revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('push_key',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('private', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('public', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('trouble',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Enum('silent', 'broken', 'token', 'backup', 'disk', 'delivery', name='troublekind', native_enum=False, length=32), nullable=False),
    sa.Column('subject', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('detail', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('began_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('told_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('ended_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('trouble_open', 'trouble', ['workspace_id', 'kind', 'subject'], unique=True, postgresql_where=sa.text('ended_at IS NULL'))
    op.create_table('alert_delivery',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('member_id', sa.BigInteger(), nullable=True),
    sa.Column('way', sa.Enum('app', 'mail', 'push', 'webhook', 'apprise', name='way', native_enum=False, length=32), nullable=False),
    sa.Column('fold', sa.Enum('none', 'storm', 'quiet', 'digest', name='fold', native_enum=False, length=32), server_default='none', nullable=False),
    sa.Column('alert_ids', postgresql.ARRAY(sa.BigInteger()), server_default='{}', nullable=False),
    sa.Column('trouble_ids', postgresql.ARRAY(sa.BigInteger()), server_default='{}', nullable=False),
    sa.Column('key', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('state', sa.Enum('waiting', 'sending', 'sent', 'failed', 'dropped', name='dispatch', native_enum=False, length=32), server_default='waiting', nullable=False),
    sa.Column('attempt', sa.Integer(), server_default='0', nullable=False),
    sa.Column('try_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('lease_until', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('created_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('sent_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('error', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id', 'member_id'], ['member.workspace_id', 'member.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('key')
    )
    op.create_index('alert_delivery_fold', 'alert_delivery', ['workspace_id', 'member_id', 'way', 'fold'], unique=True, postgresql_nulls_not_distinct=True, postgresql_where=sa.text("state = 'waiting' AND fold <> 'none'"))
    op.create_index('alert_delivery_recent', 'alert_delivery', ['workspace_id', 'created_at'], unique=False)
    op.create_index('alert_delivery_waiting', 'alert_delivery', ['try_at'], unique=False, postgresql_where=sa.text("state IN ('waiting', 'sending')"))
    op.create_table('alert_preference',
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('member_id', sa.BigInteger(), nullable=False),
    sa.Column('mail', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('push', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('timezone', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('quiet_from', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('quiet_until', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('urgent_passes', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('digest_at', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id', 'member_id'], ['member.workspace_id', 'member.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('member_id')
    )
    op.create_table('alert_setup',
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('storm_limit', sa.Integer(), server_default='5', nullable=False),
    sa.Column('webhook_url', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('webhook_secret', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('apprise_urls', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('on_call_member_id', sa.BigInteger(), nullable=True),
    sa.Column('on_call_team_id', sa.BigInteger(), nullable=True),
    sa.Column('rota', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('rota_from', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id', 'on_call_member_id'], ['member.workspace_id', 'member.id'], ondelete='SET NULL (on_call_member_id)'),
    sa.ForeignKeyConstraint(['workspace_id', 'on_call_team_id'], ['team.workspace_id', 'team.id'], ondelete='SET NULL (on_call_team_id)'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('workspace_id')
    )
    op.create_table('push_subscription',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('member_id', sa.BigInteger(), nullable=False),
    sa.Column('endpoint_hash', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('address', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('device', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('created_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('used_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id', 'member_id'], ['member.workspace_id', 'member.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('member_id', 'endpoint_hash')
    )
    op.create_table('alert',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('wait_id', sa.BigInteger(), nullable=False),
    sa.Column('due_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('step', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('kind', sa.Enum('warning', 'breach', 'escalation', name='alertkind', native_enum=False, length=32), nullable=False),
    sa.Column('at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('what', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False),
    sa.Column('state', sa.Enum('planned', 'raised', 'dropped', 'skipped', 'stopped', name='alertstate', native_enum=False, length=32), server_default='planned', nullable=False),
    sa.Column('raised_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('late', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('acts', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('acknowledged_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('acknowledged_by', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id', 'acknowledged_by'], ['member.workspace_id', 'member.id'], ondelete='SET NULL (acknowledged_by)'),
    sa.ForeignKeyConstraint(['workspace_id', 'wait_id'], ['wait.workspace_id', 'wait.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('wait_id', 'due_at', 'step'),
    sa.UniqueConstraint('workspace_id', 'id')
    )
    op.create_index('alert_acting', 'alert', ['id'], unique=False, postgresql_where=sa.text("acts AND state = 'raised'"))
    op.create_index('alert_due', 'alert', ['at', 'id'], unique=False, postgresql_where=sa.text("state = 'planned'"))
    op.create_index('alert_raised', 'alert', ['workspace_id', 'raised_at'], unique=False, postgresql_where=sa.text("state = 'raised'"))
    op.create_table('alert_notice',
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('alert_id', sa.BigInteger(), nullable=False),
    sa.Column('member_id', sa.BigInteger(), nullable=False),
    sa.Column('seen_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('snoozed_until', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id', 'alert_id'], ['alert.workspace_id', 'alert.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id', 'member_id'], ['member.workspace_id', 'member.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('alert_id', 'member_id')
    )
    op.create_index('alert_notice_member', 'alert_notice', ['member_id', 'alert_id'], unique=False)
    op.create_index('alert_notice_snoozed', 'alert_notice', ['snoozed_until'], unique=False, postgresql_where=sa.text('snoozed_until IS NOT NULL'))
    op.add_column('policy', sa.Column('alerts', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.add_column('installation', sa.Column('backed_up_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('installation', 'backed_up_at')
    op.drop_column('policy', 'alerts')
    op.drop_index('alert_notice_snoozed', table_name='alert_notice', postgresql_where=sa.text('snoozed_until IS NOT NULL'))
    op.drop_index('alert_notice_member', table_name='alert_notice')
    op.drop_table('alert_notice')
    op.drop_index('alert_raised', table_name='alert', postgresql_where=sa.text("state = 'raised'"))
    op.drop_index('alert_due', table_name='alert', postgresql_where=sa.text("state = 'planned'"))
    op.drop_index('alert_acting', table_name='alert', postgresql_where=sa.text("acts AND state = 'raised'"))
    op.drop_table('alert')
    op.drop_table('push_subscription')
    op.drop_table('alert_setup')
    op.drop_table('alert_preference')
    op.drop_index('alert_delivery_waiting', table_name='alert_delivery', postgresql_where=sa.text("state IN ('waiting', 'sending')"))
    op.drop_index('alert_delivery_recent', table_name='alert_delivery')
    op.drop_index('alert_delivery_fold', table_name='alert_delivery', postgresql_nulls_not_distinct=True, postgresql_where=sa.text("state = 'waiting' AND fold <> 'none'"))
    op.drop_table('alert_delivery')
    op.drop_index('trouble_open', table_name='trouble', postgresql_where=sa.text('ended_at IS NULL'))
    op.drop_table('trouble')
    op.drop_table('push_key')
