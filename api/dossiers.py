"""What is kept about a person as files: packed to be handed over, or removed once the person is forgotten."""

import json
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any

from api.deps import House
from inbox.conversations import erasing
from inbox.files import Files


def pack(files: Files, target: IO[bytes], known: Mapping[str, Any]) -> None:
    """Write a zip: contact.json and the attachments."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("contact.json", json.dumps(known, indent=2, ensure_ascii=False))
        for attachment in known["attachments"]:
            path = files.path(attachment["sha256"]) if attachment.get("sha256") else None
            if path is not None and path.exists():
                archive.write(path, f"attachments/{attachment['id']}-{Path(attachment['name']).name}")


async def sweep(house: House, digests: Collection[str]) -> int:
    """Remove the files that nothing names any more, once the erasure is committed; how many."""
    if not digests:
        return 0
    async with house.database.transaction() as session:
        gone = await erasing.unnamed(session, digests)
    for digest in gone:
        house.files.path(digest).unlink(missing_ok=True)
    return len(gone)
