"""Episodes, and the moves between statuses that they follow from."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

import inbox.models.columns
from sqlalchemy.dialects import postgresql
revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('episode',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('channel_id', sa.BigInteger(), nullable=False),
    sa.Column('conversation_id', sa.BigInteger(), nullable=False),
    sa.Column('ordinal', sa.Integer(), nullable=False),
    sa.Column('kind', sa.Enum('comments', 'direct', 'email', 'review', name='conversationkind', native_enum=False, length=32), nullable=False),
    sa.Column('began_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('received_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('first_resolved_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('resolved_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('reopened_count', sa.Integer(), server_default='0', nullable=False),
    sa.Column('replies_count', sa.Integer(), server_default='0', nullable=False),
    sa.Column('rests', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('paused_seconds', sa.Float(), server_default='0', nullable=False),
    sa.Column('paused_since', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('is_void', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('assignee_id', sa.BigInteger(), nullable=True),
    sa.Column('team_id', sa.BigInteger(), nullable=True),
    sa.Column('priority', sa.Enum('urgent', 'high', 'normal', 'low', name='priority', native_enum=False, length=32), server_default='normal', nullable=False),
    sa.Column('policy_id', sa.BigInteger(), nullable=True),
    sa.Column('target_seconds', sa.Integer(), nullable=True),
    sa.Column('due_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('breached_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
    sa.Column('late_on_policy', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('caught_up_late', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('first_business_seconds', sa.Float(), nullable=True),
    sa.Column('business_seconds', sa.Float(), nullable=True),
    sa.ForeignKeyConstraint(['workspace_id', 'channel_id'], ['channel.workspace_id', 'channel.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id', 'conversation_id'], ['conversation.workspace_id', 'conversation.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id', 'policy_id'], ['policy.workspace_id', 'policy.id'], ondelete='SET NULL (policy_id)'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('conversation_id', 'ordinal')
    )
    op.create_index('episode_due', 'episode', ['due_at'], unique=False, postgresql_where=sa.text('due_at IS NOT NULL AND resolved_at IS NULL AND breached_at IS NULL'))
    op.create_index('episode_open', 'episode', ['workspace_id', 'conversation_id'], unique=False, postgresql_where=sa.text('resolved_at IS NULL AND NOT is_void'))
    op.create_index('episode_workspace_began', 'episode', ['workspace_id', 'began_at'], unique=False)
    op.create_table('move',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('conversation_id', sa.BigInteger(), nullable=False),
    sa.Column('at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
    sa.Column('status', sa.Enum('open', 'pending', 'snoozed', 'resolved', 'spam', name='status', native_enum=False, length=32), nullable=False),
    sa.Column('assignee_id', sa.BigInteger(), nullable=True),
    sa.Column('team_id', sa.BigInteger(), nullable=True),
    sa.Column('priority', sa.Enum('urgent', 'high', 'normal', 'low', name='priority', native_enum=False, length=32), server_default='normal', nullable=False),
    sa.ForeignKeyConstraint(['workspace_id', 'conversation_id'], ['conversation.workspace_id', 'conversation.id'], ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('move_conversation', 'move', ['conversation_id', 'id'], unique=False)
    # Whose a conversation was then and what was taken back, `parley rebuild-waits` tells exactly; it tells the episodes, too.
    op.execute(
        """
        INSERT INTO move (workspace_id, conversation_id, at, status, assignee_id, team_id, priority)
        SELECT event.workspace_id, conversation_id, event.at, data->>'status', assignee_id, team_id, priority
          FROM event JOIN conversation ON conversation.id = event.conversation_id
         WHERE event.kind = 'conversation.moved' AND data->>'status' <> data->>'before' ORDER BY event.id
        """
    )


def downgrade() -> None:
    op.drop_index('move_conversation', table_name='move')
    op.drop_table('move')
    op.drop_index('episode_workspace_began', table_name='episode')
    op.drop_index('episode_open', table_name='episode', postgresql_where=sa.text('resolved_at IS NULL AND NOT is_void'))
    op.drop_index('episode_due', table_name='episode', postgresql_where=sa.text('due_at IS NOT NULL AND resolved_at IS NULL AND breached_at IS NULL'))
    op.drop_table('episode')
