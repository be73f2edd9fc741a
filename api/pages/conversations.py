"""One conversation: its page, and what a team does with it.

Every change takes a form, by PUT from the page's scripts and by POST from a browser without them; the one is answered with nothing, the
other with the page again.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from api.deps import AccessDep, ConversationDep, MemberDep, MergedDep, NowDep, Number, RowId, SessionDep, VisibleDep
from api.pages.here import LocaleDep
from api.pages.inbox import ReaderDep
from inbox import languages
from inbox.assistant import templates
from inbox.conversations import assignment, drafts, labels, merging, priorities, reading, splitting, spoken, status
from inbox.errors import Invalid
from inbox.models import Priority, Status
from web.i18n import language

router = APIRouter(prefix="/w/{workspace_id}/conversations/{conversation_id}")
BOTH = ["PUT", "POST"]


def done(request: Request, workspace_id: int, conversation_id: int) -> Response:
    """The answer to a change: nothing for a script, the conversation's page for a form."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(f"/w/{workspace_id}/conversations/{conversation_id}", status_code=303)
    return Response(status_code=204)


async def answer(request: Request, workspace_id: Number, conversation_id: Number) -> Response:
    return done(request, workspace_id, conversation_id)


DoneDep = Annotated[Response, Depends(answer)]


@router.get("")
async def show_conversation(
    request: Request, conversation_id: VisibleDep, reader: ReaderDep, view: str = "next", before: str | None = None
) -> Response:
    """The inbox with this conversation open, or its pane only; a link to one that was merged leads to where it is now."""
    if str(conversation_id) != request.path_params["conversation_id"]:
        return RedirectResponse(request.url.replace(path=f"{request.url.path.rpartition('/')[0]}/{conversation_id}"), status_code=303)
    return await reader.draw(view=view, conversation_id=conversation_id, before=before)


@router.api_route("/assignment", methods=BOTH)
async def put_assignment(
    conversation: ConversationDep,
    access: AccessDep,
    session: SessionDep,
    now: NowDep,
    done: DoneDep,
    member: Annotated[str, Form()] = "",
    team: Annotated[str, Form()] = "",
    take: Annotated[bool, Form()] = False,
) -> Response:
    """Give the conversation to a member and a team; empty takes it away. `take` gives it to the asker if nobody has it."""
    if take:
        await assignment.take(session, access, conversation, now=now)
    else:
        await assignment.assign(session, access, conversation, member_id=_number(member), team_id=_number(team), now=now)
    return done


@router.api_route("/status", methods=BOTH)
async def put_status(
    conversation: ConversationDep,
    access: AccessDep,
    session: SessionDep,
    now: NowDep,
    done: DoneDep,
    status_: Annotated[Status, Form(alias="status")],
    until: Annotated[datetime | None, Form()] = None,
) -> Response:
    """Open, pending, snoozed until a time, resolved or spam."""
    if until is not None and until.tzinfo is None:
        raise Invalid("The time to come back needs its time zone.", code="snooze_zone")
    await status.move(session, access, conversation, status_, until=until, now=now)
    return done


@router.api_route("/priority", methods=BOTH)
async def put_priority(
    conversation: ConversationDep, access: AccessDep, session: SessionDep, now: NowDep, done: DoneDep, priority: Annotated[Priority, Form()]
) -> Response:
    """How urgent the conversation is."""
    await priorities.set(session, access, conversation, priority, now=now)
    return done


@router.get("/language")
async def list_languages(conversation: ConversationDep, access: AccessDep, session: SessionDep, locale: LocaleDep) -> list[dict[str, str]]:
    """What can be chosen: what its words tell, the languages that the workspace has met, then all others by their names."""
    words, told, met = language(locale), conversation.told_language, await spoken.met(session, access)
    _ = words.gettext
    by_words = _("As its words tell: {language}").replace("{language}", words.language_name(told) if told else _("unknown"))
    named = {"": by_words, **words.language_names(met), **words.language_names(languages.KNOWN.difference(met))}
    return [{"code": code, "name": name} for code, name in named.items()]


@router.api_route("/language", methods=BOTH)
async def put_language(
    conversation: ConversationDep,
    access: AccessDep,
    session: SessionDep,
    now: NowDep,
    done: DoneDep,
    code: Annotated[str, Form(alias="language", max_length=40)] = "",
) -> Response:
    """Which language the conversation is held in; empty: as its words tell."""
    await spoken.choose(session, access, conversation, code, now=now)
    return done


@router.get("/merge")
async def list_targets(conversation: ConversationDep, access: AccessDep, session: SessionDep) -> list[dict[str, Any]]:
    """The conversations that this one can go into."""
    found = await merging.offered(session, access, conversation)
    return [{"id": row.id, "who": row.author, "about": row.subject or row.snippet, "at": row.last_message_at.isoformat()} for row in found]


@router.api_route("/merge", methods=BOTH)
async def put_merge(
    request: Request, conversation: ConversationDep, access: AccessDep, session: SessionDep, now: NowDep, into: Annotated[RowId, Form()]
) -> Response:
    """Let the conversation go into another one."""
    await merging.merge(session, access, conversation, into, now=now)
    return done(request, conversation.workspace_id, into)


@router.delete("/merge")
@router.post("/merge/undo")
async def undo_merge(conversation: MergedDep, access: AccessDep, session: SessionDep, now: NowDep, done: DoneDep) -> Response:
    """Take it out again."""
    await merging.split(session, access, conversation, now=now)
    return done


@router.get("/split")
async def check_split(conversation: ConversationDep, access: AccessDep, session: SessionDep) -> Response:
    """Whether messages can be split off here: told before any is chosen."""
    await splitting.check(session, access, conversation)
    return Response(status_code=204)


@router.post("/split")
async def split_off(
    request: Request,
    conversation: ConversationDep,
    access: AccessDep,
    session: SessionDep,
    now: NowDep,
    message: Annotated[list[RowId], Form(default_factory=list, max_length=splitting.MOST)],
) -> Response:
    """Let these messages become a conversation of their own."""
    begun = await splitting.split_off(session, access, conversation, message, now=now)
    if "text/html" in request.headers.get("accept", ""):
        return done(request, conversation.workspace_id, begun.id)
    return JSONResponse({"id": begun.id}, status_code=201)


@router.api_route("/labels", methods=BOTH)
async def put_labels(
    conversation: ConversationDep,
    access: AccessDep,
    session: SessionDep,
    now: NowDep,
    done: DoneDep,
    label: Annotated[list[RowId], Form(default_factory=list, max_length=1000)],
) -> Response:
    """The conversation's labels, all of them."""
    await labels.put(session, access, conversation, label, now=now)
    return done


@router.api_route("/reading", methods=BOTH)
async def put_reading(
    conversation: ConversationDep,
    access: AccessDep,
    session: SessionDep,
    now: NowDep,
    done: DoneDep,
    message: Annotated[int, Form(ge=0, lt=2**63)],
) -> Response:
    """How far the member has read; 0 marks unread."""
    newest = conversation.last_inbound_id or 0
    await reading.mark(session, access, conversation, message_id=min(message, newest), now=now)
    return done


@router.api_route("/draft", methods=BOTH)
async def put_draft(
    conversation: ConversationDep,
    access: AccessDep,
    session: SessionDep,
    now: NowDep,
    done: DoneDep,
    body: Annotated[str, Form()] = "",
    mode: Annotated[str, Form()] = "reply",
    subject: Annotated[str, Form(max_length=500)] = "",
    cc: Annotated[str, Form(max_length=2000)] = "",
    bcc: Annotated[str, Form(max_length=2000)] = "",
    sender: Annotated[str, Form(max_length=320)] = "",
) -> Response:
    """The member's unfinished text; empty drops it."""
    options = {"subject": subject, "cc": cc, "bcc": bcc, "sender": sender}
    kept = {name: value for name, value in options.items() if value}
    await drafts.save(session, access, conversation, body=body, mode=mode, options=kept, now=now)
    return done


@router.get("/templates")
async def list_templates(
    conversation: ConversationDep, access: AccessDep, member: MemberDep, session: SessionDep, name: str = ""
) -> list[dict[str, Any]]:
    """The saved replies that fit here, filled in for this conversation; `name` is the person answered."""
    known = await templates.variables(session, conversation, member=member, contact_name=name)
    found = await templates.list_for(session, access, channel_id=conversation.channel_id)
    shown: list[dict[str, Any]] = []
    for template in found:
        body = templates.fill(template.body, known)
        shown.append({"id": template.id, "name": template.name, "shortcut": template.shortcut, "body": body})
    return shown


def _number(text: str) -> int | None:
    """The number of a form's field; empty means nobody."""
    if not text:
        return None
    if not text.isdecimal() or len(text) > 18:
        raise Invalid("This is not one of the members or teams.", code="not_a_number")
    return int(text)
