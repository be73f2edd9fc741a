"""Write the next migration: `make migration m="what it does"`."""

import sys
import tempfile
from pathlib import Path

from alembic import command

from inbox import embedded
from inbox.migrations import run


def main(message: str) -> None:
    """Compare the tables with the models on a throw-away database and write the difference down."""
    with tempfile.TemporaryDirectory() as folder, embedded.running(Path(folder)) as server:
        run.upgrade(server.url)
        engine = run.make_engine(server.url)
        with engine.connect() as connection:
            config = run.make_config()
            config.attributes["connection"] = connection
            number = len(list((Path(__file__).parent / "versions").glob("*.py"))) + 1
            command.revision(config, message=message, autogenerate=True, rev_id=f"{number:04d}")
        engine.dispose()


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1]:
        sys.exit('Say what the migration does: make migration m="add a column for …"')
    main(sys.argv[1])
