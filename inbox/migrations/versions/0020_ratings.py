"""customers are asked how satisfied they are"""

import sqlalchemy as sa
from alembic import op

import inbox.models.columns

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('channel', sa.Column('asks_since', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.add_column('channel', sa.Column('ask_after', sa.Integer(), server_default='10', nullable=False))
    op.add_column('contact', sa.Column('unasked_since', inbox.models.columns.UtcDateTime(timezone=True), nullable=True))
    op.create_index(
        'episode_resolved', 'episode', ['channel_id', 'resolved_at'], postgresql_where=sa.text('resolved_at IS NOT NULL AND NOT is_void')
    )
    op.create_table(
        'rating',
        sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column('workspace_id', sa.BigInteger(), nullable=False),
        sa.Column('channel_id', sa.BigInteger(), nullable=False),
        sa.Column('conversation_id', sa.BigInteger(), nullable=False),
        sa.Column('episode_id', sa.BigInteger(), nullable=False),
        sa.Column('contact_id', sa.BigInteger(), nullable=True),
        sa.Column('team_id', sa.BigInteger(), nullable=True),
        sa.Column('member_id', sa.BigInteger(), nullable=True),
        sa.Column(
            'priority', sa.Enum('urgent', 'high', 'normal', 'low', name='priority', native_enum=False, length=32),
            server_default='normal', nullable=False,
        ),
        sa.Column(
            'state', sa.Enum('asked', 'recent', 'refused', 'unreachable', name='ratingstate', native_enum=False, length=32), nullable=False
        ),
        sa.Column('message_id', sa.BigInteger(), nullable=True),
        sa.Column('asked_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column('expires_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column('score', sa.Integer(), nullable=True),
        sa.Column('comment', sa.String(), server_default='', nullable=False),
        sa.Column('given_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['workspace_id', 'channel_id'], ['channel.workspace_id', 'channel.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['workspace_id', 'conversation_id'], ['conversation.workspace_id', 'conversation.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['workspace_id', 'episode_id'], ['episode.workspace_id', 'episode.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['workspace_id', 'contact_id'], ['contact.workspace_id', 'contact.id'], ondelete='SET NULL (contact_id)'),
        sa.ForeignKeyConstraint(['workspace_id', 'member_id'], ['member.workspace_id', 'member.id'], ondelete='SET NULL (member_id)'),
        sa.ForeignKeyConstraint(['workspace_id', 'message_id'], ['message.workspace_id', 'message.id'], ondelete='SET NULL (message_id)'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('episode_id'),
        sa.CheckConstraint('score BETWEEN 1 AND 5', name='rating_score'),
    )  # fmt: skip
    op.create_index('rating_workspace_asked', 'rating', ['workspace_id', 'asked_at'])
    op.create_index('rating_workspace_given', 'rating', ['workspace_id', 'given_at'], postgresql_where=sa.text('given_at IS NOT NULL'))
    op.create_index('rating_conversation', 'rating', ['conversation_id'])
    op.create_index('rating_contact', 'rating', ['contact_id', 'asked_at'])
    op.create_index('rating_message', 'rating', ['message_id'], postgresql_where=sa.text('message_id IS NOT NULL'))


def downgrade() -> None:
    op.drop_table('rating')
    op.drop_index('episode_resolved', table_name='episode')
    op.drop_column('contact', 'unasked_since')
    op.drop_column('channel', 'ask_after')
    op.drop_column('channel', 'asks_since')
