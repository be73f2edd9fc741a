"""The house: every table of the first release."""

from alembic import op
from sqlmodel import SQLModel

import inbox.models  # noqa: F401

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# One writer at a time takes event ids and commits: the lock is held to the end of the transaction, and a statement trigger runs before any
# id is drawn. Without it a reader that goes by id skips what commits late (docs/decisions/0002-log.md).
LOG_LOCK = """
CREATE FUNCTION event_lock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(20260423);
    RETURN NULL;
END $$;
CREATE TRIGGER event_lock BEFORE INSERT ON event FOR EACH STATEMENT EXECUTE FUNCTION event_lock();
"""


def upgrade() -> None:
    SQLModel.metadata.create_all(op.get_bind())
    op.execute(LOG_LOCK)
    op.execute("INSERT INTO installation (id) VALUES (1)")


def downgrade() -> None:
    op.execute("DROP TABLE event")
    op.execute("DROP FUNCTION event_lock")
    SQLModel.metadata.drop_all(op.get_bind())
