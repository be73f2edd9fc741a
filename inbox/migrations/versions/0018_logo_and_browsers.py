"""a logo for reports; browsers of push end with their session"""

import sqlalchemy as sa
from alembic import op

import inbox.models.columns

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'workspace_logo',
        sa.Column('workspace_id', sa.BigInteger(), nullable=False),
        sa.Column('media_type', sa.String(), nullable=False),
        sa.Column('content', sa.LargeBinary(), nullable=False),
        sa.Column('changed_at', inbox.models.columns.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('workspace_id'),
    )
    op.execute('DELETE FROM push_subscription')  # nobody knows in which session they were made: their members subscribe again
    op.add_column('push_subscription', sa.Column('session_id', sa.BigInteger(), nullable=False))
    op.create_foreign_key(
        'push_subscription_session_id_fkey', 'push_subscription', 'account_session', ['session_id'], ['id'], ondelete='CASCADE'
    )
    op.create_index('ix_push_subscription_session_id', 'push_subscription', ['session_id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_push_subscription_session_id', table_name='push_subscription')
    op.drop_constraint('push_subscription_session_id_fkey', 'push_subscription', type_='foreignkey')
    op.drop_column('push_subscription', 'session_id')
    op.drop_table('workspace_logo')
