"""Conversations: listed, read, assigned, moved, labelled."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from api.asking import LanguageQuery
from api.deps import ApiAccessDep, ApiConversationDep, ApiMergedDep, ApiVisibleDep, NowDep, SessionDep
from api.schemas import AssignmentIn, ConversationOut, LabelsIn, LanguageIn, MergeIn, PageOut, PriorityIn, SplitIn, StatusIn
from api.v1 import PROBLEMS
from inbox.conversations import assignment, labels, listing, merging, priorities, rows, splitting, spoken, status
from inbox.conversations.listing import Filters
from inbox.models import Conversation, Status

router = APIRouter(prefix="/conversations", tags=["conversations"], responses=PROBLEMS)

LimitParameter = Annotated[int, Query(ge=1, le=listing.LIMIT)]
CursorParameter = Annotated[str | None, Query(description="`next` of the page before.", max_length=100)]
OwnerParameter = Annotated[int | None, Query(ge=0, lt=2**63, description="0: nobody.")]
IdParameter = Annotated[int | None, Query(ge=1, lt=2**63)]


@router.get("", response_model=PageOut[ConversationOut])
async def list_conversations(
    access: ApiAccessDep,
    session: SessionDep,
    view: Annotated[str | None, Query(description="A queue of the page: next, mine, open, …, team:3, channel:7; next.de.")] = None,
    status: Status | None = None,
    channel: IdParameter = None,
    assignee: OwnerParameter = None,
    team: OwnerParameter = None,
    label: IdParameter = None,
    contact: IdParameter = None,
    language: LanguageQuery = None,
    waiting: Annotated[bool | None, Query(description="Somebody waits for an answer, or nobody does.")] = None,
    q: Annotated[str | None, Query(max_length=200, description="Words, newest conversations first; one page.")] = None,
    cursor: CursorParameter = None,
    limit: LimitParameter = 50,
) -> Response:
    """Conversations that this token may see and that fit every filter, the newest first."""
    filters = Filters(
        view=view,
        status=status,
        channel_id=channel,
        assignee_id=assignee,
        team_id=team,
        label_id=label,
        contact_id=contact,
        language=language,
        waiting=waiting,
        words=q,
    )
    page = await listing.page(session, access, filters, after=cursor, limit=limit)
    return written(PageOut[ConversationOut].model_construct(items=[ConversationOut.of(row) for row in page.rows], next=page.after))


@router.get("/{conversation_id}", response_model=ConversationOut)
async def get_conversation(conversation_id: ApiVisibleDep, session: SessionDep) -> Response:
    """One conversation."""
    return written(ConversationOut.of((await rows.load(session, [conversation_id]))[conversation_id]))


@router.put("/{conversation_id}/assignment")
async def put_assignment(
    conversation: ApiConversationDep, access: ApiAccessDep, owner: AssignmentIn, session: SessionDep, now: NowDep
) -> ConversationOut:
    """Give the conversation to a member, a team, both or nobody."""
    await assignment.assign(session, access, conversation, member_id=owner.assignee_id, team_id=owner.team_id, now=now)
    return await _shown(session, conversation)


@router.put("/{conversation_id}/status")
async def put_status(
    conversation: ApiConversationDep, access: ApiAccessDep, wanted: StatusIn, session: SessionDep, now: NowDep
) -> ConversationOut:
    """Move the conversation: open, pending, snoozed, resolved or spam."""
    await status.move(session, access, conversation, wanted.status, now=now, until=wanted.until)
    return await _shown(session, conversation)


@router.put("/{conversation_id}/priority")
async def put_priority(
    conversation: ApiConversationDep, access: ApiAccessDep, wanted: PriorityIn, session: SessionDep, now: NowDep
) -> ConversationOut:
    """Say how urgent the conversation is: urgent, high, normal or low."""
    await priorities.set(session, access, conversation, wanted.priority, now=now)
    return await _shown(session, conversation)


@router.put("/{conversation_id}/language")
async def put_language(
    conversation: ApiConversationDep, access: ApiAccessDep, wanted: LanguageIn, session: SessionDep, now: NowDep
) -> ConversationOut:
    """Say which language the conversation is held in; null leaves it to its words again."""
    await spoken.choose(session, access, conversation, wanted.language or "", now=now)
    return await _shown(session, conversation)


@router.put("/{conversation_id}/labels")
async def put_labels(
    conversation: ApiConversationDep, access: ApiAccessDep, wanted: LabelsIn, session: SessionDep, now: NowDep
) -> ConversationOut:
    """Make these the conversation's labels."""
    await labels.put(session, access, conversation, wanted.label_ids, now=now)
    return await _shown(session, conversation)


@router.post("/{conversation_id}/merge")
async def merge(
    conversation: ApiConversationDep, access: ApiAccessDep, wanted: MergeIn, session: SessionDep, now: NowDep
) -> ConversationOut:
    """Let the conversation go into another one of the same channel and kind, and answer with that one."""
    return await _shown(session, await merging.merge(session, access, conversation, wanted.into, now=now))


@router.delete("/{conversation_id}/merge")
async def split(conversation: ApiMergedDep, access: ApiAccessDep, session: SessionDep, now: NowDep) -> ConversationOut:
    """Take the conversation out again, with what came since in its threads."""
    return await _shown(session, await merging.split(session, access, conversation, now=now))


@router.post("/{conversation_id}/split", status_code=201)
async def split_off(
    conversation: ApiConversationDep, access: ApiAccessDep, wanted: SplitIn, session: SessionDep, now: NowDep
) -> ConversationOut:
    """Let these messages become a conversation of their own, and answer with that one."""
    return await _shown(session, await splitting.split_off(session, access, conversation, wanted.messages, now=now))


def written(shape: BaseModel) -> Response:
    """The shape as an answer. FastAPI would take it apart, check it and put it together again first."""
    return Response(shape.model_dump_json(), media_type="application/json")


async def _shown(session: AsyncSession, conversation: Conversation) -> ConversationOut:
    await session.flush()
    return ConversationOut.of((await rows.load(session, [conversation.id]))[conversation.id])
