"""Attachments on disk, each under the hash of its content: written before the commit that names it, swept when nothing names it."""

import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

# What a page may show inside: a browser runs nothing in it. Everything else is only saved.
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


class Files:
    """The folder `files` of `PARLEY_HOME`."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "files"

    def store(self, content: bytes) -> str:
        """Keep the bytes and return their SHA-256; writing the same ones again changes nothing. Blocks: call it in a thread."""
        digest = hashlib.sha256(content).hexdigest()
        path = self.path(digest)
        if path.exists():
            os.utime(path)  # in use again: the sweep spares it
            return digest
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # the home may be passable by others (`inbox.cluster`)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{digest}.{secrets.token_hex(4)}.new")
        with new.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        return digest

    def unused(self, before: float) -> dict[str, Path]:
        """What nobody has stored since `before` (seconds since 1970), by its hash, and what broken writes left behind. Blocks."""
        return {path.name: path for path in self.folder.glob("*/*/*") if _is_older(path, before)}

    def sweep(self, paths: Iterable[Path], before: float) -> int:
        """Remove these files, unless one was stored again meanwhile; how many. Blocks."""
        swept = [path for path in paths if _is_older(path, before)]
        for path in swept:
            path.unlink(missing_ok=True)
        return len(swept)

    def path(self, digest: str) -> Path:
        """Where the content with this SHA-256 is, or would be."""
        if len(digest) != 64 or not digest.isalnum():
            raise ValueError("not a SHA-256")
        return self.folder / digest[:2] / digest[2:4] / digest


def _is_older(path: Path, before: float) -> bool:
    try:
        return path.stat().st_mtime < before
    except FileNotFoundError:  # another process was first
        return False
