"""`python -m bench.lock`: pin the dependencies anew, with hashes, for every platform, without any index's address."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DEVELOPMENT, RUN = ROOT / "requirements-dev.lock", ROOT / "requirements.lock"
SERVERS = ROOT / "tests" / "servers" / "locks"  # each NAME.in becomes NAME.lock: programs that need an environment of their own
COMPILE = [
    sys.executable, "-m", "uv", "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url",
    "--no-annotate", "--no-header", "--quiet",
]  # fmt: skip


def main() -> int:
    compile_to(DEVELOPMENT, "pyproject.toml", "--extra", "embedded", "--group", "dev")
    compile_to(RUN, "pyproject.toml", "--extra", "embedded", "-c", DEVELOPMENT.name)  # the same versions as are tested
    for path in sorted(SERVERS.glob("*.in")):
        compile_to(path.with_suffix(".lock"), str(path.relative_to(ROOT)))
    faults = [fault for path in locks() for fault in check(path.name, path.read_text())]
    print("\n".join(faults) or "All lock files are whole.")
    return 1 if faults else 0


def locks() -> list[Path]:
    return [DEVELOPMENT, RUN, *sorted(SERVERS.glob("*.lock"))]


def compile_to(path: Path, *options: str) -> None:
    subprocess.run([*COMPILE, *options, "--output-file", str(path.relative_to(ROOT))], cwd=ROOT, check=True)


def check(name: str, lock: str) -> list[str]:
    """What a lock file must not have: an index's address, or a requirement without a hash."""
    faults = [
        f"{name}: an address: {line.strip()}" for line in lock.splitlines() if re.search(r"://|--(extra-)?index-url|--find-links", line)
    ]
    requirements = re.split(r"\n(?=[A-Za-z0-9])", lock.strip())
    return faults + [f"{name}: no hash: {entry.splitlines()[0]}" for entry in requirements if "--hash=sha256:" not in entry]


if __name__ == "__main__":
    sys.exit(main())
