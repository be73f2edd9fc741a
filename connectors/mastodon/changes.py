"""What became of statuses that were read before: edits, deletions, and answers that do not mention us.

Twenty at once by https://docs.joinmastodon.org/methods/statuses/#index, one by one where the server is older or another one.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from connectors.mastodon import parse
from connectors.mastodon.server import Json, Refusal
from connectors.mastodon.shapes import Account, Status
from inbox.contract import Batch

if TYPE_CHECKING:
    from connectors.mastodon.reading import Pieces, Reader

AT_ONCE = 20


def known(status: Status, me: Account) -> str:
    """What a look compares: when the status was last edited, and of our own how many answers it has."""
    edited = status.edited_at.isoformat() if status.edited_at else ""
    return f"{edited}|{status.replies_count or 0}" if status.account.id == me.id else edited


async def sweep(reader: "Reader", pieces: "Pieces") -> Batch:
    """Look at everything that is watched, and tell what has changed."""
    names = list(reader.place.watched)
    if not reader.lists_statuses:
        names = names[-AT_ONCE:]
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        for name, entry in (await _found(reader, some)).items():
            if entry is not None:
                await _compare(reader, name, entry, pieces)
            else:
                reader.place.watched.pop(name, None)
                pieces.events.append(parse.deletion(name, datetime.now(UTC)))
    return pieces.batch(reader.place)


async def _found(reader: "Reader", names: list[str]) -> dict[str, Json | None]:
    """The statuses by id, None for each that is gone; those about which the server says something else are left out."""
    found: dict[str, Json | None] = {}
    if reader.lists_statuses:
        try:
            found |= {str(entry.get("id")): entry for entry in await reader.server.list("/api/v1/statuses", {"id[]": names})}
        except Refusal:  # one by one from now on
            reader.lists_statuses = False
            names = names[-AT_ONCE:]
    for name in names:
        if name not in found:
            try:
                found[name] = await reader.server.get(f"/api/v1/statuses/{name}")
            except Refusal as error:
                if error.is_gone:
                    found[name] = None
    return found


async def _compare(reader: "Reader", name: str, entry: Json, pieces: "Pieces") -> None:
    try:
        status = Status.model_validate(entry)
    except ValidationError:  # it was readable when it came, and comes again
        return
    before, now = reader.place.watched.get(name, ""), known(status, reader.me)
    if before.partition("|")[0] != now.partition("|")[0]:
        await reader.take(entry, "status.update", pieces)
    if before.partition("|")[2] != now.partition("|")[2]:
        await _answers(reader, status, pieces)
    reader.place.watched[name] = now


async def _answers(reader: "Reader", status: Status, pieces: "Pieces") -> None:
    """Everything under a status of ours; what is known already is known by its id."""
    await reader.threads.find(status)
    try:
        told = await reader.server.get(f"/api/v1/statuses/{status.id}/context")
    except Refusal:
        return
    below: Any = told.get("descendants")
    for entry in cast("list[Any]", below) if isinstance(below, list) else []:
        if isinstance(entry, dict):
            await reader.take(cast("Json", entry), "status", pieces)
