"""What is said in a conversation: messages, replies and notes."""

from typing import Annotated

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from api import able, approved
from api.deps import ApiAccessDep, ApiConversationDep, HouseDep, NowDep, Number, SessionDep
from api.schemas import MessageOut, NoteIn, NoteOut, PageOut, ReplyIn
from api.v1 import PROBLEMS
from api.v1.conversations import CursorParameter, LimitParameter
from inbox.assistant import templates
from inbox.conversations import listing, messages, notes, replies, timeline
from inbox.errors import NotFound
from inbox.models import Channel, Member, Message, Role
from inbox.team.rights import Access

router = APIRouter(prefix="/conversations/{conversation_id}", tags=["messages"], responses=PROBLEMS)

KeyHeader = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Yours, the same for every try of one reply: whatever happens on the way, it is queued once.",
    ),
]
ENVELOPE = ("subject", "to", "cc", "bcc")


class UndoneOut(BaseModel):
    """A reply that was taken back, with its text."""

    body: str


@router.get("/messages")
async def list_messages(
    conversation: ApiConversationDep, session: SessionDep, cursor: CursorParameter = None, limit: LimitParameter = 50
) -> PageOut[MessageOut]:
    """What was said, the newest first."""
    entries, following = await listing.messages(session, conversation, after=cursor, limit=limit)
    return PageOut(items=[MessageOut.of(entry) for entry in entries], next=following)


@router.get("/messages/{message_id}")
async def get_message(conversation: ApiConversationDep, message_id: Number, session: SessionDep) -> MessageOut:
    """One message; a reply tells in `delivery` what became of it."""
    return await _shown(session, await messages.get(session, conversation, message_id))


@router.post("/replies", status_code=202)
async def create_reply(
    conversation: ApiConversationDep,
    access: ApiAccessDep,
    draft: ReplyIn,
    key: KeyHeader,
    session: SessionDep,
    now: NowDep,
    response: Response,
    house: HouseDep,
) -> MessageOut:
    """Queue a reply. It leaves when the undo window ends; `delivery` of the message tells what became of it."""
    access.need(Role.AGENT)
    member = await session.get(Member, access.member_id) if access.member_id is not None else None
    if draft.template_id is not None:
        await templates.get(session, access, draft.template_id)
        await templates.used(session, access.workspace_id, draft.template_id)
    channel = await session.get_one(Channel, conversation.channel_id)
    template = None
    if draft.approved is not None:
        template = await approved.find(session, house, channel, draft.approved.name, draft.approved.language)
    message = await replies.queue(
        session,
        conversation,
        member,
        client_key=f"{access.actor}:{key}",
        now=now,
        envelope={name: value for name in ENVELOPE if (value := getattr(draft, name)) is not None} or None,
        capabilities=able.of(channel.platform, channel.actions),
        actor=access.actor,
        platform_template=template,
        template_values=draft.approved.values if draft.approved else (),
        **draft.model_dump(exclude={*ENVELOPE, "approved"}),
    )
    response.headers["Location"] = f"/api/v1/conversations/{conversation.id}/messages/{message.id}"
    return await _shown(session, message)


@router.delete("/replies/{message_id}")
async def undo_reply(
    conversation: ApiConversationDep, access: ApiAccessDep, message_id: Number, session: SessionDep, now: NowDep
) -> UndoneOut:
    """Take a reply back that has not left yet."""
    access.need(Role.AGENT)
    message = await messages.reply(session, conversation, message_id)
    return UndoneOut(body=await replies.undo(session, message, access.actor, now))


@router.get("/notes")
async def list_notes(conversation: ApiConversationDep, session: SessionDep) -> list[NoteOut]:
    """What the team said among itself, oldest first."""
    return [NoteOut.model_validate(note) for note in await notes.every(session, conversation)]


@router.post("/notes", status_code=201)
async def create_note(
    conversation: ApiConversationDep,
    access: ApiAccessDep,
    draft: NoteIn,
    session: SessionDep,
    now: NowDep,
    response: Response,
    key: Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)] = None,
) -> NoteOut:
    """Write a note that customers never see."""
    client_key = _note_key(access, key)
    note = await notes.add(session, access, conversation, body=draft.body, client_key=client_key, now=now)
    response.headers["Location"] = f"/api/v1/conversations/{conversation.id}/notes"
    return NoteOut.model_validate(note)


def _note_key(access: Access, key: str | None) -> str | None:
    return f"{access.actor}:{key}" if key else None


async def _shown(session: AsyncSession, message: Message) -> MessageOut:
    await session.flush()
    shown = await timeline.messages(session, [message.id])
    if message.id not in shown:
        raise NotFound("This reply was taken back.")
    return MessageOut.of(shown[message.id])
