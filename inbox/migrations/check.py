"""Fail when the models and the migrations differ, or when a migration cannot be taken back."""

import tempfile
from pathlib import Path

from alembic import command

from inbox import embedded
from inbox.migrations import run


def main() -> None:
    """Upgrade, compare, downgrade and upgrade again on a throw-away database."""
    with tempfile.TemporaryDirectory() as folder, embedded.running(Path(folder)) as server:
        run.upgrade(server.url)
        engine = run.make_engine(server.url)
        with engine.connect() as connection:
            config = run.make_config()
            config.attributes["connection"] = connection
            command.check(config)
            command.downgrade(config, "base")
            command.upgrade(config, "head")
            connection.commit()
        engine.dispose()


if __name__ == "__main__":
    main()
