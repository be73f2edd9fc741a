"""A person outside: what the team calls them; for admins, everything that is kept about them to take along, or forgotten for good."""

import asyncio
import tempfile
from functools import partial
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from starlette.background import BackgroundTask

from api import dossiers
from api.deps import AccessDep, HouseDep, NowDep, Number, SessionDep
from inbox.conversations import contacts, erasing, tiers
from inbox.errors import Invalid
from inbox.models import Contact, Role

router = APIRouter(prefix="/w/{workspace_id}/contacts/{contact_id}")
PART = 64 * 1024  # bytes read at once


async def contact(contact_id: Number, access: AccessDep, session: SessionDep) -> Contact:
    """One contact of the workspace, for its admins."""
    access.need(Role.ADMIN)
    return await contacts.get(session, access, contact_id)


ContactDep = Annotated[Contact, Depends(contact)]


@router.post("/tier")
async def put_tier(
    contact_id: Number,
    access: AccessDep,
    session: SessionDep,
    now: NowDep,
    tier: Annotated[str, Form(max_length=2000)] = "",
    conversation: Annotated[int | None, Form(ge=1, lt=2**63)] = None,
) -> Response:
    """Say what the team calls the contact, for policies."""
    await tiers.put(session, access, await contacts.seen(session, access, contact_id), tier, now=now)
    where = f"conversations/{conversation}" if conversation else "inbox"
    return RedirectResponse(f"/w/{access.workspace_id}/{where}", status_code=303)


@router.post("/export")
async def export_contact(contact: ContactDep, access: AccessDep, session: SessionDep, now: NowDep, house: HouseDep) -> Response:
    """Everything about the contact as a zip file: contact.json and the attachments."""
    known = await contacts.export(session, access, contact, now=now)
    file = await asyncio.to_thread(tempfile.TemporaryFile)  # has no name: whatever happens, nothing is left
    await asyncio.to_thread(dossiers.pack, house.files, file, known)
    file.seek(0)
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="contact-{contact.id}.zip"'}
    parts = iter(partial(file.read, PART), b"")
    return StreamingResponse(parts, media_type="application/zip", headers=headers, background=BackgroundTask(file.close))


@router.post("/erasure")
async def erase_contact(
    request: Request,
    contact: ContactDep,
    access: AccessDep,
    session: SessionDep,
    now: NowDep,
    house: HouseDep,
    after: BackgroundTasks,
    name: Annotated[str, Form(max_length=2000)] = "",
    conversation: Annotated[int | None, Form(ge=1, lt=2**63)] = None,
) -> Response:
    """Forget the contact everywhere, when their name was typed to confirm it."""
    if " ".join(name.split()) != " ".join((contact.name or contact.email or str(contact.id)).split()):
        raise Invalid("Type the name exactly as it is shown, to say that you mean it.", code="not_confirmed")
    erased = await erasing.erase(session, house.vault, house.settings.home, access, contact, now=now)
    after.add_task(dossiers.sweep, house, erased.files)  # runs after the commit
    if "text/html" in request.headers.get("accept", ""):
        where = f"conversations/{conversation}" if conversation else "inbox"
        return RedirectResponse(f"/w/{access.workspace_id}/{where}", status_code=303)
    return Response(status_code=204)
