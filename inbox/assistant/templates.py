"""Saved replies. Their {{placeholders}} are plain substitution: nothing in a template is ever run."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.errors import Conflict, Invalid, NotFound
from inbox.models import Channel, Contact, Conversation, Member, Post, Role, Template, Workspace
from inbox.team import rights
from inbox.team.rights import Access

VARIABLES: dict[str, str] = {
    "contact.name": "The name of the person answered.",
    "contact.first_name": "The first word of that name.",
    "member.name": "The public name of the member who answers.",
    "channel.name": "The name of the channel.",
    "post.title": "The title of the post that the comment hangs on, or its first words.",
    "conversation.subject": "The subject of the mail or conversation.",
    "workspace.name": "The name of the workspace.",
}

PLACEHOLDER = re.compile(r"\{\{\s*([^{}]{1,80}?)\s*\}\}")
SHORTCUT = re.compile(r"[^\s/{}]{1,40}")
MAX_BODY = 20_000  # characters; no platform takes more
MAX_NAME = 120
LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")  # a language tag: de, pt-BR


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person says about a template."""

    name: str
    shortcut: str
    body: str
    locale: str = ""
    channel_id: int | None = None


def placeholders(body: str) -> list[str]:
    """The names between double braces, each once, in order."""
    return list(dict.fromkeys(PLACEHOLDER.findall(body)))


def fill(body: str, variables: Mapping[str, str]) -> str:
    """Put the values in. A name without a value stays as it is, so that a person sees what is missing; values are not looked into."""
    return PLACEHOLDER.sub(lambda found: variables.get(found[1]) or found[0], body)


async def variables(session: AsyncSession, conversation: Conversation, *, member: Member | None, contact_name: str = "") -> dict[str, str]:
    """What can be filled in for an answer in this conversation; `contact_name` when not its first author is answered."""
    query = (
        select(col(Contact.name), col(Channel.name), col(Post.title), col(Post.text), col(Workspace.name))
        .select_from(Conversation)
        .join(Channel, col(Channel.id) == Conversation.channel_id)
        .join(Workspace, col(Workspace.id) == Conversation.workspace_id)
        .outerjoin(Contact, col(Contact.id) == Conversation.contact_id)
        .outerjoin(Post, col(Post.id) == Conversation.post_id)
        .where(col(Conversation.id) == conversation.id)
    )
    first_author, channel, title, text, workspace = (await session.execute(query)).one()
    name = contact_name or first_author or conversation.author_name
    return {
        "contact.name": name,
        "contact.first_name": name.split()[0] if name.split() else "",
        "member.name": (member.public_name or member.name) if member else "",
        "channel.name": channel,
        "post.title": title or " ".join((text or "").split()[:8]),
        "conversation.subject": conversation.subject,
        "workspace.name": workspace,
    }


async def list_for(
    session: AsyncSession, access: Access, *, channel_id: int | None = None, locale: str | None = None
) -> Sequence[Template]:
    """The templates that this member may use, by shortcut; with `channel_id` or `locale` only those that fit there."""
    query = select(Template).where(_visible(access)).order_by(col(Template.shortcut))
    if channel_id is not None:
        query = query.where(or_(col(Template.channel_id).is_(None), col(Template.channel_id) == channel_id))
    if locale is not None:
        query = query.where(col(Template.locale).in_(("", locale)))
    return (await session.scalars(query)).all()


async def get(session: AsyncSession, access: Access, template_id: int) -> Template:
    """One template, if this member may use it."""
    found = await session.scalar(select(Template).where(col(Template.id) == template_id, _visible(access)))
    if found is None:
        raise NotFound("There is no such template, or you may not see it.")
    return found


async def create(session: AsyncSession, access: Access, draft: Draft, *, now: datetime) -> Template:
    """Write a template."""
    access.need(Role.SUPERVISOR)
    draft = await _checked(session, access, draft)
    template = Template(workspace_id=access.workspace_id, name="", shortcut="", body="", updated_at=now)
    return await _save(session, access, template, draft, now)


async def change(session: AsyncSession, access: Access, template: Template, draft: Draft, *, now: datetime) -> Template:
    """Write a template anew."""
    access.need(Role.SUPERVISOR)
    draft = await _checked(session, access, draft)
    return await _save(session, access, template, draft, now)


async def delete(session: AsyncSession, access: Access, template: Template, *, now: datetime) -> None:
    """Drop a template; what was written with it stays."""
    access.need(Role.SUPERVISOR)
    await session.delete(template)
    await session.flush()
    _record(session, access, template, now)


async def used(session: AsyncSession, workspace_id: int, template_id: int) -> None:
    """Count one use."""
    query = update(Template).where(col(Template.id) == template_id, col(Template.workspace_id) == workspace_id)
    await session.execute(query.values(uses=col(Template.uses) + 1))


def _visible(access: Access) -> ColumnElement[bool]:
    return and_(
        col(Template.workspace_id) == access.workspace_id,
        or_(col(Template.channel_id).is_(None), rights.sees(access, col(Template.channel_id))),
    )


async def _checked(session: AsyncSession, access: Access, draft: Draft) -> Draft:
    """The draft without stray spaces, or Invalid with the sentence to show."""
    name, shortcut, body = draft.name.strip(), draft.shortcut.strip().lstrip("/"), draft.body.strip()
    if not name or len(name) > MAX_NAME:
        raise Invalid("A template needs a name of at most {limit} characters.", code="template_name", limit=MAX_NAME)
    if not SHORTCUT.fullmatch(shortcut):
        raise Invalid("A shortcut is one word of at most 40 characters, without / or braces.", code="template_shortcut")
    if not body or len(body) > MAX_BODY:
        raise Invalid("A template needs a text of at most {limit} characters.", code="template_body", limit=MAX_BODY)
    locale = draft.locale.strip()
    if locale and not LOCALE.fullmatch(locale):
        raise Invalid("A language is written like de or pt-BR.", code="template_locale")
    if draft.channel_id is not None:
        await rights.channel(session, access, draft.channel_id)
    return Draft(name=name, shortcut=shortcut, body=body, locale=locale, channel_id=draft.channel_id)


async def _save(session: AsyncSession, access: Access, template: Template, draft: Draft, now: datetime) -> Template:
    try:
        async with session.begin_nested():
            template.name, template.shortcut, template.body = draft.name, draft.shortcut, draft.body
            template.locale, template.channel_id, template.updated_at = draft.locale, draft.channel_id, now
            session.add(template)
            await session.flush()
    except IntegrityError as error:
        raise Conflict("Another template has the shortcut /{shortcut}.", code="template_shortcut_taken", shortcut=draft.shortcut) from error
    _record(session, access, template, now)
    return template


def _record(session: AsyncSession, access: Access, template: Template, now: datetime) -> None:
    events.record(
        session,
        "template.changed",
        workspace_id=access.workspace_id,
        at=now,
        actor=access.actor,
        channel_id=template.channel_id,
        template=template.id,
    )
