"""Alembic's way in: the connection is handed over by `run`, `make` or `check`."""

from alembic import context
from sqlmodel import SQLModel

import inbox.models  # noqa: F401  # fills the metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_type=True, transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
