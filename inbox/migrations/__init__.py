"""The tables' history (alembic), run at start under an advisory lock."""
