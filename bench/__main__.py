"""`python -m bench [--full] [MODULE …]`: run the measurements, print a JSON line for each and a table of all."""

import argparse
import asyncio
import gc
import importlib
import json
import pkgutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.table import Table

import bench
from bench.figures import Context, Row
from inbox import embedded
from inbox.db import Database
from inbox.migrations import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Parley against baselines of the same run.")
    parser.add_argument("modules", nargs="*", help="only these modules of bench/, such as receive")
    parser.add_argument("--full", action="store_true", help="take the time for the large measurements")
    options = parser.parse_args()
    chosen = modules(options.modules)
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        home = Path(folder)
        with embedded.running(home) as server:
            run.upgrade(server.url)
            gc.freeze()  # as the server does after its start
            found = asyncio.run(measure(chosen, server.url, home, full=options.full))
    show(found)
    return 0 if all(row.ok for row in found) else 1


def modules(names: list[str]) -> list[ModuleType]:
    """Every module of bench/ that measures something: it has `rows`."""
    found = names or sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if module.name != "__main__")
    loaded = [importlib.import_module(f"bench.{name}") for name in found]
    return [module for module in loaded if hasattr(module, "rows")]


async def measure(chosen: list[ModuleType], url: str, home: Path, *, full: bool) -> list[Row]:
    found: list[Row] = []
    for module in chosen:
        database = Database(url, pool_size=10)
        began = time.perf_counter()
        try:
            for row in await module.rows(Context(database, home, full)):
                print(json.dumps(asdict(row), ensure_ascii=False), flush=True)
                found.append(row)
        finally:
            await database.close()
        print(f"{module.__name__}: {time.perf_counter() - began:.1f} s", file=sys.stderr)
    return found


def show(found: list[Row]) -> None:
    table = Table("figure", "value", "unit", "baseline", "ratio", "goal", "")
    for row in found:
        baseline, ratio = ("" if number is None else f"{number:,g}" for number in (row.baseline, row.ratio))
        table.add_row(row.name, f"{row.value:,g}", row.unit, baseline, ratio, row.goal, "[green]yes" if row.ok else "[red]no")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
