"""the language of conversations"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('conversation', sa.Column('language', sqlmodel.sql.sqltypes.AutoString(), server_default='', nullable=False))
    op.add_column('conversation', sa.Column('told_language', sqlmodel.sql.sqltypes.AutoString(), server_default='', nullable=False))
    op.create_table(
        'spoken_language',
        sa.Column('workspace_id', sa.BigInteger(), nullable=False),
        sa.Column('language', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(['workspace_id'], ['workspace.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('workspace_id', 'language'),
    )


def downgrade() -> None:
    op.drop_table('spoken_language')
    op.drop_column('conversation', 'told_language')
    op.drop_column('conversation', 'language')
