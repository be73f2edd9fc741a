"""Events of Nostr: what is signed, and what their tags say.

https://github.com/nostr-protocol/nips/blob/master/01.md (events), …/10.md (threads), …/09.md (deletions), …/25.md (reactions),
…/92.md (files).
"""

import hashlib
import json
import re
import time
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from connectors.nostr import schnorr

PROFILE, NOTE, DELETION, REPOST, REACTION = 0, 1, 5, 6, 7
Hex = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
HEX = re.compile("[0-9a-f]{64}")


class Note(BaseModel):
    """Any event; most are notes."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Hex
    pubkey: Hex
    created_at: int = Field(ge=0, le=253_402_300_799)  # the end of the year 9999
    kind: int
    tags: list[list[str]]
    content: str
    sig: Annotated[str, Field(pattern="^[0-9a-f]{128}$")]

    def is_genuine(self) -> bool:
        """Whether its author signed just this: a relay could say anything."""
        name = _id(self.pubkey, self.created_at, self.kind, self.tags, self.content)
        return name == self.id and schnorr.verify(bytes.fromhex(self.id), bytes.fromhex(self.pubkey), bytes.fromhex(self.sig))

    def values(self, tag: str) -> list[str]:
        """What the tags of this name point to, where that is an event or a key."""
        return [found[1] for found in self.tags if len(found) > 1 and found[0] == tag and HEX.fullmatch(found[1])]

    @property
    def root(self) -> str | None:
        return self._thread()[0]

    @property
    def parent(self) -> str | None:
        return self._thread()[1]

    def _thread(self) -> tuple[str | None, str | None]:
        """The first note of the thread and the one answered: by marks, else by place, as older programs wrote it."""
        tags = [tag for tag in self.tags if len(tag) > 1 and tag[0] == "e" and HEX.fullmatch(tag[1])]
        marked = {tag[3]: tag[1] for tag in reversed(tags) if len(tag) > 3 and tag[3] in {"root", "reply"}}
        if marked:
            root = marked.get("root", marked.get("reply"))
            return root, marked.get("reply", root)
        plain = [tag[1] for tag in tags if len(tag) < 4 or tag[3] != "mention"]
        return (plain[0], plain[-1]) if plain else (None, None)


def signed(secret: bytes, kind: int, content: str, tags: Sequence[Sequence[str]], now: int | None = None) -> dict[str, Any]:
    """A new event in the name of this key."""
    key, at = schnorr.public_key(secret).hex(), int(time.time()) if now is None else now
    content = content.encode(errors="replace").decode()
    name = _id(key, at, kind, tags, content)
    sig = schnorr.sign(bytes.fromhex(name), secret).hex()
    return {"id": name, "pubkey": key, "created_at": at, "kind": kind, "tags": [list(tag) for tag in tags], "content": content, "sig": sig}


def _id(key: str, at: int, kind: int, tags: Sequence[Sequence[str]], content: str) -> str:
    told = json.dumps([0, key, at, kind, tags, content], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(told.encode(errors="replace")).hexdigest()
