"""What the website chat does by plain requests: files both ways, the visitor's copy of the chat, its end, and mailed links."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import quote

import anyio
from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, StringConstraints

from api.deps import House, HouseDep, NowDep, Number, SessionDep
from api.widget_access import (
    FOREIGN,
    LINKS,
    MESSAGES,
    NEWCOMERS,
    UPLOADS,
    UPLOADS_FROM,
    AllowedRoute,
    Door,
    DoorDep,
    TokenDep,
    VisitorDep,
    WelcomeDep,
    address_of,
    count,
)
from inbox.contract import Attachment
from inbox.conversations import chats, visitors
from inbox.conversations.chats import File, Line
from inbox.conversations.visitors import Said
from inbox.errors import Invalid, NotFound, TooLarge
from inbox.files import PICTURES

router = APIRouter(prefix="/widget/{key}", route_class=AllowedRoute)
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
TYPES = PICTURES | {
    "application/pdf", "text/plain", "text/csv", "application/zip", "audio/mpeg", "audio/ogg", "audio/webm", "video/mp4", "video/webm",
    "application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
FILE_DAYS = 7  # a signed address works this long; the page gets a new one each time it opens
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": "authorization, content-type",
    "Access-Control-Max-Age": "600",
}


class LinkIn(BaseModel):
    link: Annotated[str, StringConstraints(max_length=200)]


@router.options("/{rest:path}")
async def preflight(door: WelcomeDep) -> Response:
    """May the website ask? A browser wants to know before it sends a visitor's token."""
    del door
    return Response(status_code=204, headers=PREFLIGHT)


@router.post("/files", status_code=201)
async def upload(
    request: Request,
    door: WelcomeDep,
    token: TokenDep,
    house: HouseDep,
    name: Annotated[str, Query(min_length=1, max_length=200)],
    message: Annotated[Key, Query()],
    locale: Annotated[Literal["en", "de"], Query()] = "en",
    content_type: Annotated[str, Header()] = "",
) -> dict[str, Any]:
    """A file is a message of its own; the body is its bytes. The same `message` key again is the same message."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in TYPES:
        raise Invalid("A file of this type cannot be sent here.", code="file_type")
    await count(house, "upload", token, UPLOADS)
    await count(house, "upload from", address_of(request), UPLOADS_FROM)  # a token costs nothing
    content = await _body(request, house.settings.max_upload_bytes)
    said = Said(message, "", attachments=(Attachment(_clean(name), media_type, content=content, size=len(content)),))
    return {"id": await say(house, door, token, said, locale=locale, address=address_of(request))}


@router.get("/files/{attachment_id}/{expires}/{signature}/{name}")
async def download(
    door: DoorDep,
    attachment_id: Number,
    expires: Annotated[int, Path(ge=0, lt=2**63)],
    signature: str,
    house: HouseDep,
    session: SessionDep,
    now: NowDep,
) -> Response:
    """A file of a chat, for whoever got its address from the chat; the address ends, and with the message the file."""
    genuine = house.vault.verify(signature, "widget file", door.channel.key, str(attachment_id), str(expires))
    row = await chats.file(session, door.channel.id, attachment_id) if genuine and expires > now.timestamp() else None
    path = house.files.path(row.sha256) if row is not None and row.sha256 else None
    if row is None or path is None or not await anyio.Path(path).exists():
        raise NotFound("This file is not here any more.")
    picture = row.media_type in PICTURES
    response = FileResponse(
        path,
        media_type=row.media_type if picture else "application/octet-stream",
        filename=row.name,
        content_disposition_type="inline" if picture else "attachment",
    )
    policy = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}
    response.headers.update({**FOREIGN, **policy, "Cache-Control": "private, max-age=3600"})
    return response


@router.get("/transcript")
async def transcript(visitor: VisitorDep, session: SessionDep, format: Annotated[Literal["text", "json"], Query()] = "text") -> Response:
    """The visitor's copy of the chat."""
    lines = await chats.transcript(session, visitor)
    saved = {"Content-Disposition": f'attachment; filename="chat.{"txt" if format == "text" else "json"}"', "Cache-Control": "no-store"}
    if format == "json":
        return JSONResponse({"messages": [_record(line) for line in lines]}, headers=saved)
    return PlainTextResponse("\n".join(_paragraph(line) for line in lines), headers=saved)


@router.delete("/chat", status_code=204)
async def erase(visitor: VisitorDep, house: HouseDep, session: SessionDep, now: NowDep) -> None:
    """Delete the chat, as its visitor asks."""
    await chats.erase(session, house.vault, house.settings.home, visitor, now=now)


@router.post("/resume")
async def resume(request: Request, body: LinkIn, door: WelcomeDep, house: HouseDep, session: SessionDep, now: NowDep) -> dict[str, str]:
    """Open the chat in the browser that followed a mailed link."""
    await count(house, "link", address_of(request), LINKS)
    token = await visitors.resume(session, house.vault, door.channel, body.link, now=now)
    if token is None:
        raise NotFound("This link is too old, or the chat was deleted.", code="gone")
    return {"token": token}


async def say(house: House, door: Door, token: str, said: Said, *, locale: str, address: str) -> int:
    """One message in, by socket or by request: counted, then stored in a transaction of its own; the message's id."""
    await count(house, "message", token, MESSAGES)
    async with house.database.transaction() as session:
        known = await visitors.find(session, house.vault, door.channel, token)
    if known is None:
        await count(house, "newcomer", address, NEWCOMERS)
    now = house.clock()
    async with house.database.transaction() as session:
        visitor = known or await visitors.begin(session, door.channel, token, locale=locale, now=now)
        return await visitors.say(session, door.channel, visitor, said, files=house.files, now=now)


def link(house: House, door: Door, file: File, *, now: datetime) -> str:
    """Where the page gets a file from, relative to the widget's own address. Changes once a day, so that caches work."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    ends = int((day + timedelta(days=FILE_DAYS)).timestamp())
    signature = house.vault.sign("widget file", door.channel.key, str(file.id), str(ends))
    return f"files/{file.id}/{ends}/{signature}/{quote(file.name, safe='')}"


async def _body(request: Request, most: int) -> bytes:
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > most:
        raise TooLarge("This file is too large.", code="file_size")
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise TooLarge("This file is too large.", code="file_size")
    if not content:
        raise Invalid("This file is empty.", code="file_empty")
    return bytes(content)


def _clean(name: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f/\\]", "_", name).strip(". ") or "file"


def _record(line: Line) -> dict[str, Any]:
    return {
        "from": "visitor" if line.mine else "team",
        "name": line.author,
        "at": line.at.isoformat(),
        "text": line.text,
        "files": [file.name for file in line.files],
    }


def _paragraph(line: Line) -> str:
    who = "→" if line.mine else f"← {line.author}".rstrip()
    files = "".join(f"\n[{file.name}]" for file in line.files)
    return f"{line.at:%Y-%m-%d %H:%M} UTC {who}\n{line.text}{files}\n"
