"""What a team writes into a conversation: replies and what becomes of them, notes, and files to send."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response, UploadFile
from fastapi.responses import FileResponse, JSONResponse

from api import able
from api.deps import AccessDep, ConversationDep, HouseDep, MemberDep, NowDep, Number, RowId, SessionDep
from api.pages.conversations import DoneDep, done
from api.pages.here import LocaleDep, WorkspaceDep
from inbox.assistant import templates
from inbox.conversations import attachments, directory, drafts, messages, notes, replies, timeline
from inbox.errors import Invalid, NotFound, TooLarge
from inbox.files import PICTURES
from inbox.models import Channel, Message, Role
from web import fragments
from web.names import Names

router = APIRouter(prefix="/w/{workspace_id}")
WITHIN = "/conversations/{conversation_id}"
OWN_KEY = "^[^:]*$"  # keys of programs have a colon: nobody takes theirs


class ReplyForm:
    """What the composer sends."""

    def __init__(
        self,
        client_key: Annotated[str, Form(min_length=8, max_length=100, pattern=OWN_KEY)],
        body: Annotated[str, Form()] = "",
        seen_message_id: Annotated[int | None, Form(ge=0, lt=2**63)] = None,
        parent_id: Annotated[str, Form()] = "",
        private: Annotated[bool, Form()] = False,
        answers_all: Annotated[bool, Form()] = False,
        then_resolve: Annotated[bool, Form()] = False,
        anyway: Annotated[bool, Form()] = False,
        template_id: Annotated[RowId | None, Form()] = None,
        attachment: Annotated[list[RowId] | None, Form(max_length=100)] = None,
    ) -> None:
        self.options: dict[str, Any] = {
            "client_key": client_key,
            "body": body.replace("\r\n", "\n"),
            "seen_message_id": seen_message_id,
            "parent_id": int(parent_id) if parent_id.isdecimal() and len(parent_id) < 19 else None,
            "private": private,
            "answers_all": answers_all,
            "then_resolve": then_resolve,
            "anyway": anyway,
            "template_id": template_id,
            "attachments": tuple(attachment or ()),
        }


async def envelope(
    subject: Annotated[str, Form(max_length=500)] = "",
    cc: Annotated[str, Form(max_length=2000)] = "",
    bcc: Annotated[str, Form(max_length=2000)] = "",
    sender: Annotated[str, Form(max_length=320)] = "",
) -> dict[str, Any]:
    """What a mail has besides its text, as far as it was filled in."""
    lists = {name: [part.strip() for part in text.split(",") if part.strip()] for name, text in (("cc", cc), ("bcc", bcc))}
    given = {"subject": subject.strip(), "sender": sender.strip(), **lists}
    return {name: value for name, value in given.items() if value}


@router.post(WITHIN + "/replies", status_code=202)
async def create_reply(
    request: Request,
    conversation: ConversationDep,
    access: AccessDep,
    member: MemberDep,
    form: Annotated[ReplyForm, Depends()],
    envelope: Annotated[dict[str, Any], Depends(envelope)],
    session: SessionDep,
    now: NowDep,
) -> Response:
    """Queue a reply; it leaves when its undo window ends, and the live page tells what became of it."""
    access.need(Role.AGENT)
    template_id = form.options["template_id"]
    if template_id is not None:
        await templates.get(session, access, template_id)
        await templates.used(session, access.workspace_id, template_id)
    channel = await session.get_one(Channel, conversation.channel_id)
    if envelope.get("sender") and envelope["sender"] not in channel.public_config.get("addresses", ()):
        raise Invalid("This mailbox may not write as {sender}.", code="sender", sender=envelope["sender"])
    message = await replies.queue(
        session,
        conversation,
        member,
        envelope=envelope or None,
        capabilities=able.of(channel.platform, channel.actions),
        actor=access.actor,
        now=now,
        **form.options,
    )
    await drafts.drop(session, access, conversation, now=now)
    if "text/html" in request.headers.get("accept", ""):
        return done(request, conversation.workspace_id, conversation.id)
    leaves = message.send_at.isoformat() if message.send_at else None
    return JSONResponse({"message": message.id, "send_at": leaves}, status_code=202)


async def reply(message_id: Number, conversation: ConversationDep, session: SessionDep) -> Message:
    """One of the conversation's own replies."""
    return await messages.reply(session, conversation, message_id)


ReplyDep = Annotated[Message, Depends(reply)]


@router.delete(WITHIN + "/replies/{message_id}")
@router.post(WITHIN + "/replies/{message_id}/undo")
async def undo_reply(
    request: Request, conversation: ConversationDep, message: ReplyDep, access: AccessDep, session: SessionDep, now: NowDep
) -> Response:
    """Take a reply back before it leaves; its text goes into the draft again."""
    access.need(Role.AGENT)
    body = await replies.undo(session, message, access.actor, now)
    if message.platform_template is not None:  # its words are the platform's
        body = ""
    mode = "private" if message.private else "reply"
    await drafts.save(session, access, conversation, body=body, mode=mode, now=now)
    if "text/html" in request.headers.get("accept", ""):
        return done(request, conversation.workspace_id, conversation.id)
    return JSONResponse({"body": body, "mode": mode})


@router.post(WITHIN + "/replies/{message_id}/retry")
async def retry_reply(message: ReplyDep, access: AccessDep, session: SessionDep, now: NowDep, done: DoneDep) -> Response:
    """Send a reply again that failed or may have been sent: a person decided so."""
    access.need(Role.AGENT)
    await replies.retry(session, message, access.actor, now)
    return done


@router.post(WITHIN + "/replies/{message_id}/settle")
async def settle_reply(
    message: ReplyDep, access: AccessDep, session: SessionDep, now: NowDep, done: DoneDep, was_sent: Annotated[bool, Form()]
) -> Response:
    """Say what became of a reply that may have been sent."""
    access.need(Role.AGENT)
    await replies.settle(session, message, was_sent, access.actor, now)
    return done


@router.post(WITHIN + "/notes", status_code=201)
async def create_note(
    request: Request,
    conversation: ConversationDep,
    access: AccessDep,
    session: SessionDep,
    now: NowDep,
    body: Annotated[str, Form()],
    client_key: Annotated[str | None, Form(max_length=100, pattern=OWN_KEY)] = None,
) -> Response:
    """Write an internal note."""
    note = await notes.add(session, access, conversation, body=body.replace("\r\n", "\n"), client_key=client_key, now=now)
    await drafts.drop(session, access, conversation, now=now)
    if "text/html" in request.headers.get("accept", ""):
        return done(request, conversation.workspace_id, conversation.id)
    return JSONResponse({"note": note.id}, status_code=201)


@router.get(WITHIN + "/news")
async def show_news(
    conversation: ConversationDep,
    workspace: WorkspaceDep,
    session: SessionDep,
    access: AccessDep,
    locale: LocaleDep,
    now: NowDep,
    after: Annotated[int, Query(ge=0, lt=2**63)],
) -> Response:
    """What came in or was answered by others since the message that was read last: what stopped a reply."""
    entries = await timeline.messages(session, await messages.news(session, conversation, access.member_id, after=after))
    names = Names(await directory.load(session, workspace.id))
    frame = fragments.Frame(locale, workspace.timezone, workspace.id, now)
    drawn = [fragments.entry(frame, entry, names) for entry in sorted(entries.values(), key=lambda entry: entry.place)]
    return Response("".join(drawn), media_type="text/html")


@router.post(WITHIN + "/attachments", status_code=201)
async def upload_attachment(
    conversation: ConversationDep, access: AccessDep, session: SessionDep, now: NowDep, house: HouseDep, file: UploadFile
) -> dict[str, Any]:
    """Keep a file for a reply that is being written."""
    access.need(Role.AGENT)
    limit = house.settings.max_upload_bytes
    content = await file.read(limit + 1)
    if len(content) > limit:
        raise TooLarge("The file is too large: at most {limit} MB.", limit=limit // 1_000_000)
    if not content:
        raise Invalid("The file is empty.", code="empty")
    digest = await asyncio.to_thread(house.files.store, content)
    kept = await attachments.keep(
        session,
        access,
        conversation,
        name=file.filename or "",
        media_type=file.content_type or "",
        size=len(content),
        digest=digest,
        now=now,
    )
    return {"id": kept.id, "name": kept.name, "size": kept.size}


@router.get("/files/{attachment_id}")
async def show_file(attachment_id: Number, access: AccessDep, session: SessionDep, house: HouseDep) -> Response:
    """A file of a conversation that the member may see: images in the page, anything else only to be saved."""
    kept = await attachments.get(session, access, attachment_id)
    path = house.files.path(kept.sha256 or "")
    if not await asyncio.to_thread(path.exists):
        raise NotFound("The file is no longer kept here.")
    inline = kept.media_type in PICTURES
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, max-age=86400",
    }
    return FileResponse(
        path,
        media_type=kept.media_type if inline else "application/octet-stream",
        filename=kept.name,
        content_disposition_type="inline" if inline else "attachment",
        headers=headers,
    )
