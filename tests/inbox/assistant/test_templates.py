"""Saved replies."""

from datetime import datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.assistant import templates
from inbox.assistant.templates import Draft
from inbox.errors import Conflict, Forbidden, Invalid, NotFound
from inbox.models import Post, Role
from inbox.team import rights
from tests.make import Make


@pytest.mark.parametrize(
    ("body", "variables", "filled"),
    [
        ("Hello {{contact.name}}!", {"contact.name": "Anna"}, "Hello Anna!"),
        ("Hello {{ contact.name }}!", {"contact.name": "Anna"}, "Hello Anna!"),
        ("Order {{order number}}", {}, "Order {{order number}}"),  # a blank for a person to fill
        ("Hello {{contact.name}}", {"contact.name": ""}, "Hello {{contact.name}}"),  # nothing to put in: it shows
        ("{{a}}", {"a": "{{b}}", "b": "no"}, "{{b}}"),  # values are not looked into
        ("{{ 7 * 7 }} {% if x %}", {}, "{{ 7 * 7 }} {% if x %}"),  # nothing is run
        ("{single} {{}}", {}, "{single} {{}}"),
    ],
)
def test_placeholders_are_plain_substitution(body: str, variables: dict[str, str], filled: str):
    assert templates.fill(body, variables) == filled


def test_placeholders_are_listed_once_and_in_order():
    assert templates.placeholders("{{b}} {{ a }} {{b}} {{order number}}") == ["b", "a", "order number"]


async def test_every_documented_variable_is_filled(session: AsyncSession, make: Make, now: datetime):
    workspace = await make.workspace(name="City")
    member = await make.member(workspace, name="Kim", public_name="Team City")
    channel = await make.channel(workspace, name="Page")
    identity = await make.identity(channel, name="Anna Schmidt")
    post = Post(workspace_id=workspace.id, channel_id=channel.id, external_id="p", title="Opening", created_at=now)
    session.add(post)
    await session.flush()
    conversation = await make.conversation(channel, post_id=post.id, contact_id=identity.contact_id, subject="Hours")
    filled = await templates.variables(session, conversation, member=member)
    assert filled == {
        "contact.name": "Anna Schmidt",
        "contact.first_name": "Anna",
        "member.name": "Team City",
        "channel.name": "Page",
        "post.title": "Opening",
        "conversation.subject": "Hours",
        "workspace.name": "City",
    }
    assert set(filled) == set(templates.VARIABLES)


async def test_a_shortcut_belongs_to_one_template_of_the_workspace(session: AsyncSession, make: Make, now: datetime):
    access = rights.of(await make.member(await make.workspace(), role=Role.SUPERVISOR))
    other = rights.of(await make.member(await make.workspace(), role=Role.SUPERVISOR))
    draft = Draft(name="Hello", shortcut="/hello", body="Hello")
    template = await templates.create(session, access, draft, now=now)
    assert template.shortcut == "hello"
    with pytest.raises(Conflict):
        await templates.create(session, access, draft, now=now)
    await templates.create(session, other, draft, now=now)
    assert [found.id for found in await templates.list_for(session, access)] == [template.id]


async def test_a_template_of_a_restricted_channel_is_nobody_elses(session: AsyncSession, make: Make, now: datetime):
    workspace = await make.workspace()
    admin = rights.of(await make.member(workspace, role=Role.ADMIN))
    agent = rights.of(await make.member(workspace, role=Role.AGENT))
    channel = await make.channel(workspace, restricted=True)
    draft = Draft(name="Secret", shortcut="secret", body="Secret", channel_id=channel.id)
    template = await templates.create(session, admin, draft, now=now)
    assert await templates.list_for(session, admin, channel_id=channel.id)
    assert not await templates.list_for(session, agent)
    with pytest.raises(NotFound):
        await templates.get(session, agent, template.id)


async def test_the_list_offers_what_fits_the_channel_and_the_language(session: AsyncSession, make: Make, now: datetime):
    workspace = await make.workspace()
    access = rights.of(await make.member(workspace, role=Role.SUPERVISOR))
    here, there = await make.channel(workspace), await make.channel(workspace)
    for shortcut, locale, channel in (("any", "", None), ("german", "de", None), ("here", "", here.id), ("there", "", there.id)):
        await templates.create(
            session, access, Draft(name=shortcut, shortcut=shortcut, body="x", locale=locale, channel_id=channel), now=now
        )
    fitting = await templates.list_for(session, access, channel_id=here.id, locale="en")
    assert [template.shortcut for template in fitting] == ["any", "here"]


@pytest.mark.parametrize(
    "draft",
    [
        Draft(name=" ", shortcut="a", body="x"),
        Draft(name="A", shortcut="two words", body="x"),
        Draft(name="A", shortcut="", body="x"),
        Draft(name="A", shortcut="a", body=" "),
        Draft(name="A", shortcut="a", body="x" * 20_001),
    ],
)
async def test_what_cannot_be_a_template_is_refused(session: AsyncSession, make: Make, now: datetime, draft: Draft):
    access = rights.of(await make.member(await make.workspace(), role=Role.SUPERVISOR))
    with pytest.raises(Invalid):
        await templates.create(session, access, draft, now=now)


async def test_agents_use_templates_and_supervisors_write_them(session: AsyncSession, make: Make, now: datetime):
    workspace = await make.workspace()
    supervisor = rights.of(await make.member(workspace, role=Role.SUPERVISOR))
    agent = rights.of(await make.member(workspace, role=Role.AGENT))
    draft = Draft(name="A", shortcut="a", body="x")
    template = await templates.create(session, supervisor, draft, now=now)
    for action in (
        templates.create(session, agent, draft, now=now),
        templates.change(session, agent, template, draft, now=now),
        templates.delete(session, agent, template, now=now),
    ):
        with pytest.raises(Forbidden):
            await action
    await templates.used(session, workspace.id, template.id)
    await session.refresh(template)
    assert template.uses == 1
    await templates.delete(session, supervisor, template, now=now)
    assert not await templates.list_for(session, agent)
    assert [event.kind for event in session.info["events"]] == ["template.changed"] * 2
