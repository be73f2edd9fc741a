"""alerts of resolutions"""

import sqlalchemy as sa
from alembic import op

import inbox.models.columns

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_unique_constraint('episode_workspace_id_id_key', 'episode', ['workspace_id', 'id'])
    op.alter_column('alert', 'wait_id', existing_type=sa.BigInteger(), nullable=True)
    op.add_column('alert', sa.Column('episode_id', sa.BigInteger(), nullable=True))
    op.create_unique_constraint('alert_episode_id_due_at_step_key', 'alert', ['episode_id', 'due_at', 'step'])
    op.create_foreign_key(
        'alert_workspace_id_episode_id_fkey', 'alert', 'episode', ['workspace_id', 'episode_id'], ['workspace_id', 'id'], ondelete='CASCADE'
    )
    op.create_check_constraint('alert_of_one', 'alert', '(wait_id IS NULL) <> (episode_id IS NULL)')
    op.create_unique_constraint('trouble_workspace_id_id_key', 'trouble', ['workspace_id', 'id'])
    op.create_table(
        'trouble_notice',
        sa.Column('workspace_id', sa.BigInteger(), nullable=False),
        sa.Column('trouble_id', sa.BigInteger(), nullable=False),
        sa.Column('member_id', sa.BigInteger(), nullable=False),
        sa.Column('seen_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['workspace_id', 'member_id'], ['member.workspace_id', 'member.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['workspace_id', 'trouble_id'], ['trouble.workspace_id', 'trouble.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('trouble_id', 'member_id'),
    )
    op.create_index('trouble_notice_unseen', 'trouble_notice', ['member_id'], unique=False, postgresql_where=sa.text('seen_at IS NULL'))


def downgrade() -> None:
    op.drop_table('trouble_notice')
    op.drop_constraint('trouble_workspace_id_id_key', 'trouble')
    op.execute('DELETE FROM alert WHERE wait_id IS NULL')
    op.drop_constraint('alert_of_one', 'alert')
    op.drop_constraint('alert_workspace_id_episode_id_fkey', 'alert')
    op.drop_constraint('alert_episode_id_due_at_step_key', 'alert')
    op.drop_column('alert', 'episode_id')
    op.alter_column('alert', 'wait_id', existing_type=sa.BigInteger(), nullable=False)
    op.drop_constraint('episode_workspace_id_id_key', 'episode')
