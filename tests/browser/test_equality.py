"""Page + what is pushed == the page loaded again, for every kind of event (after Zulip's own test)."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api import hub, news
from connectors.demo import Demo
from inbox import channels, events
from inbox.contract import Action, Attachment, EventKind, Receipt
from inbox.conversations import (
    acting,
    assignment,
    drafts,
    fetching,
    health,
    labels,
    merging,
    moderation,
    notes,
    outbox,
    priorities,
    ratings,
    reading,
    replies,
    splitting,
    spoken,
    status,
    waiting,
)  # fmt: skip
from inbox.models import Attachment as StoredAttachment
from inbox.models import (
    Channel,
    Conversation,
    Delivery,
    Episode,
    Member,
    Message,
    Moderation,
    ModerationState,
    Outcome,
    Policy,
    Priority,
    Rating,
    RatingState,
    Role,
    Status,
)
from inbox.promptness import targets, waits
from inbox.team import rights
from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser
SNAPSHOT = (Path(__file__).parent / "snapshot.js").read_text()


class Day:
    """A working day: each step is one thing that can happen, done as the product does it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.last = ""
        self.begun = 0

    async def with_first(self, work: Callable[[AsyncSession, Conversation, rights.Access], Awaitable[Any]], who: str = "Fatma") -> Any:
        """Do something to the first conversation as a member."""

        async def inside(session: AsyncSession) -> Any:
            conversation = (await session.scalars(select(Conversation).order_by(col(Conversation.id)).limit(1))).one()
            return await work(session, conversation, rights.of(await session.get_one(Member, self.desk.members[who].id)))

        return await self.desk.do(inside)

    async def message(self) -> None:
        await self.desk.say("Ist das vegan? هل هذا نباتي", name="Bernd", attachments=(Attachment("a.txt", "text/plain", content=b"a"),))

    async def new_conversation(self) -> None:
        await self.desk.say("Hallo?", name="Zoë", thread="t9")

    async def edit(self) -> None:
        await self.desk.happens(EventKind.EDIT, "m1", "Ist das wirklich vegan?")

    async def delete(self) -> None:
        await self.desk.happens(EventKind.DELETE, await self.desk.say("Weg damit", name="Kim"), name="Kim")

    async def hide(self) -> None:
        await self.desk.happens(EventKind.MODERATION, await self.desk.say("Buy now", name="Spammer"), "hide")

    async def react(self) -> None:
        await self.desk.happens(EventKind.REACTION, "m1", "🧡", name="Bernd")

    async def seen(self) -> None:
        await self.desk.happens(EventKind.READ, "m1")

    async def reply(self) -> Message:
        async def work(session: AsyncSession, conversation: Conversation, access: rights.Access) -> Message:
            member = await session.get_one(Member, access.member_id)
            key = f"key-{datetime.now(UTC).timestamp()}"
            return await replies.queue(session, conversation, member, body="Ja, alles!", client_key=key, now=datetime.now(UTC))

        return await self.with_first(work)

    async def undo(self) -> None:
        message = await self.reply()

        async def work(session: AsyncSession, _c: Conversation, access: rights.Access) -> None:
            await replies.undo(session, await session.get_one(Message, message.id), access.actor, datetime.now(UTC))

        await self.with_first(work)

    async def send(self, end: str) -> None:
        """A reply is claimed, and ends in one of the ways that there are."""
        await self.desk.do(self.settle)
        await self.reply()
        now = datetime.now(UTC) + timedelta(minutes=2)

        async def claim(session: AsyncSession) -> list[int]:
            return [message.id for message in await outbox.claim(session, owner="test", now=now)]

        claimed = await self.desk.do(claim)
        assert claimed
        if end == "sending":
            return

        async def finish(session: AsyncSession) -> None:
            for number in claimed:
                message = await session.get_one(Message, number)
                if end == "sent":
                    await outbox.mark_sent(session, message, Receipt(f"sent{number}", datetime.now(UTC)), datetime.now(UTC))
                elif end == "failed":
                    await outbox.mark_failed(session, message, "The comment is gone.", datetime.now(UTC))
                else:
                    await outbox.mark_ambiguous(session, message, "The platform did not answer.", datetime.now(UTC))

        await self.desk.do(finish)

    async def settle(self, session: AsyncSession) -> None:
        """What the step before left on its way would hold up what comes after it."""
        for message in await session.scalars(select(Message).where(col(Message.delivery).in_([Delivery.SENDING, Delivery.AMBIGUOUS]))):
            if message.delivery == Delivery.SENDING:
                await outbox.mark_ambiguous(session, message, "The platform did not answer.", datetime.now(UTC))
            await replies.settle(session, message, True, "system", datetime.now(UTC))

    async def act(self, end: str) -> None:
        """The newest comment shall be hidden, and that ends in one of the ways that there are."""
        name = await self.desk.say("Drecksplörre", name="Troll")

        async def ask(session: AsyncSession, conversation: Conversation, access: rights.Access) -> Moderation:
            message = (await session.scalars(select(Message).where(col(Message.external_id) == name))).one()
            given = {"client_key": f"key-{datetime.now(UTC).timestamp()}", "now": datetime.now(UTC), "capabilities": Demo.capabilities}
            return await moderation.request(session, access, conversation, message, Action.HIDE, **given)

        asked = await self.with_first(ask)
        now = datetime.now(UTC) + timedelta(minutes=2)

        async def go_on(session: AsyncSession, _c: Conversation, access: rights.Access) -> None:
            if end == "undone":
                await moderation.undo(session, access, await session.get_one(Moderation, asked.id), now=now)
            elif end != "requested":
                (claimed,) = await acting.claim(session, owner="test", now=now, limit=1, lease=60.0)
                if end == "done":
                    await acting.mark_done(session, claimed, now)
                elif end == "failed":
                    await acting.mark_failed(session, claimed, "The comment is gone.", now)
                elif end == "ambiguous":
                    await acting.mark_ambiguous(session, claimed, "The platform did not answer.", now)

        await self.with_first(go_on)

    async def delivered(self) -> None:
        await self.send("sent")

        async def work(session: AsyncSession) -> str:
            query = select(col(Message.external_id)).where(col(Message.delivery) == Delivery.SENT).order_by(col(Message.id).desc()).limit(1)
            return (await session.scalars(query)).one() or ""

        await self.desk.happens(EventKind.DELIVERY, await self.desk.do(work), "delivered")

    async def mailed(self) -> None:
        """A chat answer was refused when it was mailed to the visitor who had gone."""
        await self.send("sent")

        async def work(session: AsyncSession) -> None:
            query = select(Message).where(col(Message.delivery) == Delivery.SENT).order_by(col(Message.id).desc()).limit(1)
            message = (await session.scalars(query)).one()
            message.error = "The visitor had left, and the mail to them was refused."
            where = {"workspace_id": message.workspace_id, "conversation_id": message.conversation_id, "channel_id": message.channel_id}
            events.record(session, "reply.mailed", **where, at=datetime.now(UTC), actor="system", message=message.id, state="failed")

        await self.desk.do(work)

    async def note(self) -> None:
        await self.with_first(lambda s, c, a: notes.add(s, a, c, body="Lager fragen", client_key=None, now=datetime.now(UTC)))

    async def assign(self) -> None:
        me, team = self.desk.members["Aylin"].id, self.desk.team.id
        await self.with_first(lambda s, c, a: assignment.assign(s, a, c, member_id=me, team_id=team, now=datetime.now(UTC)))

    async def move(self) -> None:
        await self.with_first(lambda s, c, a: status.move(s, a, c, Status.PENDING, now=datetime.now(UTC)))
        await self.with_first(lambda s, c, a: status.move(s, a, c, Status.OPEN, now=datetime.now(UTC)))

    async def put_label(self) -> None:
        await self.with_first(lambda s, c, a: labels.put(s, a, c, [self.desk.label.id], now=datetime.now(UTC)))

    async def prioritise(self) -> None:
        await self.with_first(lambda s, c, a: priorities.set(s, a, c, Priority.URGENT, now=datetime.now(UTC)))

    async def choose_language(self) -> None:
        await self.with_first(lambda s, c, a: spoken.choose(s, a, c, "fr", now=datetime.now(UTC)))

    async def read(self) -> None:
        await self.with_first(lambda s, c, a: reading.mark(s, a, c, message_id=c.last_inbound_id or 0, now=datetime.now(UTC)), who="Aylin")

    async def close_wait(self) -> None:
        await self.with_first(lambda s, c, a: waits.close(s, c, Outcome.NOT_NEEDED, actor=a.actor, now=datetime.now(UTC)))

    async def complete(self) -> None:
        """A file that was still at the platform is fetched."""
        file = Attachment("photo.png", "image/png", url="https://platform.example/photo.png")
        await self.desk.say("Look", name="Bernd", attachments=(file,))

        async def work(session: AsyncSession) -> None:
            query = select(StoredAttachment).order_by(col(StoredAttachment.id).desc()).limit(1)
            kept = (await session.scalars(query)).one()
            digest = self.desk.house.files.store(b"a picture")
            await fetching.keep(session, kept, digest=digest, size=9, media_type="image/png", now=datetime.now(UTC))

        await self.desk.do(work)

    async def correct_wait(self) -> None:
        await self.with_first(lambda s, c, a: waits.close(s, c, Outcome.NOT_NEEDED, actor=a.actor, now=datetime.now(UTC)))

        async def work(session: AsyncSession, conversation: Conversation, access: rights.Access) -> None:
            message = await session.get_one(Message, conversation.last_inbound_id)
            await waiting.take_back(session, access, conversation, message, now=datetime.now(UTC))

        await self.with_first(work)

    async def breach_wait(self) -> None:
        """Somebody's time is up."""
        await self.desk.say("Noch jemand da?", name="Nora")

        async def work(session: AsyncSession) -> None:
            where = {"workspace_id": self.desk.workspace.id, "created_at": datetime.now(UTC), "changed_at": datetime.now(UTC)}
            session.add(Policy(name="At once", targets={"first": {"normal": 1}, "next": {"normal": 1}}, **where))
            await session.flush()
            await targets.settle_workspace(session, self.desk.workspace.id, now=datetime.now(UTC) + timedelta(minutes=1), actor="system")

        await self.desk.do(work)

    async def retarget(self) -> None:
        """Who waits gets more time."""

        async def work(session: AsyncSession) -> None:
            for policy in await session.scalars(select(Policy)):
                policy.targets = {"first": {"normal": 7200}, "next": {"normal": 7200}}
            await session.flush()
            await targets.settle_workspace(session, self.desk.workspace.id, now=datetime.now(UTC), actor="system")

        await self.desk.do(work)

    async def retell_wait(self) -> None:
        """What somebody wrote earlier comes only now: they have waited for longer."""
        await self.desk.say("Hallo, seid ihr da?", name="Nora", at=datetime.now(UTC) - timedelta(minutes=20))

    async def breach_resolution(self) -> None:
        """A matter is open for longer than it may be."""

        async def work(session: AsyncSession) -> None:
            for policy in await session.scalars(select(Policy)):
                policy.targets = {"first": {"normal": 7200}, "resolution": {"normal": 1}}
            await session.flush()
            await targets.settle_workspace(session, self.desk.workspace.id, now=datetime.now(UTC) + timedelta(minutes=1), actor="system")

        await self.desk.do(work)

    async def ask(self) -> None:
        """The customer is asked how it was."""

        async def work(session: AsyncSession, conversation: Conversation, access: rights.Access) -> None:
            del access
            now, where = datetime.now(UTC), {"workspace_id": conversation.workspace_id, "channel_id": conversation.channel_id}
            episode_id = (
                await session.scalars(select(col(Episode.id)).where(col(Episode.conversation_id) == conversation.id).limit(1))
            ).one()
            ends = {"asked_at": now, "expires_at": now + timedelta(days=30), "state": RatingState.ASKED}
            rating = Rating(**where, conversation_id=conversation.id, episode_id=episode_id, **ends)
            session.add(rating)
            await session.flush()
            told = {"rating": rating.id, "episode": episode_id}
            events.record(session, "rating.asked", **where, conversation_id=conversation.id, at=now, actor="system", **told)

        await self.with_first(work)

    async def rate(self) -> None:
        """They say how it was, and then otherwise."""
        (rating_id,) = await self.desk.do(lambda session: session.scalars(select(col(Rating.id))))
        for score, comment in ((2, "Too slow"), (4, "In the end <b>quite</b> nice")):
            await self.desk.do(partial(ratings.give, rating_id=rating_id, score=score, comment=comment, now=datetime.now(UTC)))

    async def divide(self) -> None:
        """Some of what is shown becomes a conversation of its own."""
        await self.desk.say("Und das Pfand?", name="Nora")

        async def work(session: AsyncSession, conversation: Conversation, access: rights.Access) -> Conversation:
            await self.settle(session)
            doubtful = col(Moderation.state).in_([ModerationState.ACTING, ModerationState.AMBIGUOUS])
            await session.execute(update(Moderation).where(doubtful).values(state=ModerationState.UNDONE))
            chosen = [conversation.last_inbound_id or 0]
            return await splitting.split_off(session, access, conversation, chosen, now=datetime.now(UTC))

        self.begun = (await self.with_first(work)).id

    async def merge(self) -> None:
        """And comes back."""

        async def work(session: AsyncSession, conversation: Conversation, access: rights.Access) -> None:
            begun = await session.get_one(Conversation, self.begun)
            await merging.merge(session, access, begun, conversation.id, now=datetime.now(UTC))

        await self.with_first(work)

    async def take_out(self) -> None:
        """And is taken out again."""

        async def work(session: AsyncSession, _: Conversation, access: rights.Access) -> None:
            await merging.split(session, access, await session.get_one(Conversation, self.begun), now=datetime.now(UTC))

        await self.with_first(work)

    async def draft(self) -> None:
        await self.with_first(lambda s, c, a: drafts.save(s, a, c, body="Liebe", now=datetime.now(UTC)), who="Aylin")

    async def stop_channel(self) -> None:
        """The platform refuses the credentials: supervisors are told above their lists."""

        async def work(session: AsyncSession) -> None:
            channel = await session.get_one(Channel, self.desk.channel.id)
            await health.broke(session, channel, "The token has ended.", code="AuthError", now=datetime.now(UTC), fence=channel.fence)

        await self.desk.do(work)

    def renamed(self, kind: str, **data: Any) -> Callable[[], Awaitable[None]]:
        """Something with a name changed: the row first, its event with it."""

        async def work(session: AsyncSession) -> None:
            row: Any = {
                "channel": self.desk.channel, "member": self.desk.members["Fatma"], "team": self.desk.team, "label": self.desk.label,
                "workspace": self.desk.workspace,
            }.get(kind.partition(".")[0])  # fmt: skip
            if row is not None:
                (await session.get_one(type(row), row.id)).name = f"{row.name} {kind}"
            events.record(session, kind, workspace_id=self.desk.workspace.id, at=datetime.now(UTC), actor="system", **data)

        return lambda: self.desk.do(work)


def steps(day: Day) -> dict[str, Callable[[], Awaitable[Any]]]:
    return {
        "message.received": day.message,
        "conversation.created": day.new_conversation,
        "wait.opened": day.new_conversation,
        "message.edited": day.edit,
        "message.deleted": day.delete,
        "message.hidden": day.hide,
        "reaction.changed": day.react,
        "reply.queued": day.reply,
        "reply.undone": day.undo,
        "reply.sending": lambda: day.send("sending"),
        "reply.sent": lambda: day.send("sent"),
        "reply.failed": lambda: day.send("failed"),
        "reply.ambiguous": lambda: day.send("ambiguous"),
        "reply.delivered": day.delivered,
        "reply.mailed": day.mailed,
        **{f"moderation.{end}": partial(day.act, end) for end in ("done", "failed", "ambiguous", "undone", "begun", "requested")},
        "message.seen": day.seen,
        "note.added": day.note,
        "conversation.assigned": day.assign,
        "conversation.moved": day.move,
        "conversation.labelled": day.put_label,
        "conversation.prioritised": day.prioritise,
        "conversation.language_changed": day.choose_language,
        "conversation.read": day.read,
        "wait.closed": day.close_wait,
        "wait.breached": day.breach_wait,
        "wait.retargeted": day.retarget,
        "wait.retold": day.retell_wait,
        "resolution.breached": day.breach_resolution,
        "message.completed": day.complete,
        "wait.corrected": day.correct_wait,
        "rating.asked": day.ask,
        "rating.given": day.rate,
        "draft.saved": day.draft,
        "channel.failed": day.stop_channel,
        **{kind: day.renamed(kind) for kind in sorted(news.EVERYTHING)},
        "conversation.divided": day.divide,
        "conversation.merged": day.merge,
        "conversation.split": day.take_out,
    }


def test_every_kind_of_event_is_shown_or_is_known_to_be_invisible() -> None:
    shown = set(steps(Day(desk=None)))  # type: ignore[arg-type]  # only the names are asked
    assert shown | news.INVISIBLE == set(events.KINDS)
    assert not shown & news.INVISIBLE


async def test_what_is_pushed_makes_the_page_what_it_is_after_loading_it_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "COUNT_APART", 0.05)  # the numbers follow at once
    day = Day(desk)
    await desk.say("Ist das vegan?", name="Anna")
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await page.wait_for_timeout(1500)  # reading is marked
    different: list[str] = []
    for kind, step in steps(day).items():
        await step()
        pushed = await settled(page, await desk.do(events.last_id))
        await page.reload()
        await page.locator("html[data-live=live]").wait_for(state="attached")
        loaded = await snapshot(page)
        different += [f"{kind}: {line}" for line in differences(pushed, loaded)]
    recorded = {event.kind for event in await desk.do(partial(events.since, after=0))}
    assert {"wait.breached", "wait.retargeted", "resolution.breached"} <= recorded
    assert not different, "\n".join(different)
    assert not [line for line in desk.complaints if "Failed to load" not in line]


async def snapshot(page: Page) -> Any:
    """What a reader sees, as JSON: Playwright takes many times as long to read a large object."""
    return json.loads(await page.evaluate(SNAPSHOT))


def differences(pushed: Any, loaded: Any, where: str = "") -> list[str]:
    """Where two snapshots differ, as paths."""
    if pushed == loaded:
        return []
    if not (isinstance(pushed, dict) and isinstance(loaded, dict)):
        return [f"{where}: pushed {pushed!r}, loaded {loaded!r}"[:300]]
    found: list[str] = []
    for key in {*pushed, *loaded} - {"children"}:
        found += differences(pushed.get(key), loaded.get(key), f"{where}/{key}")
    one, other = pushed.get("children", []), loaded.get("children", [])
    if len(one) != len(other):
        return [
            *found,
            f"{where}: {len(one)} parts pushed, {len(other)} loaded: {[names(part) for part in one]} {[names(part) for part in other]}",
        ]
    for left, right in zip(one, other, strict=True):
        found += differences(left, right, f"{where}/{names(left)}")
    return found


def names(part: Any) -> str:
    return part if isinstance(part, str) else str(part["attributes"].get("id") or part["attributes"].get("class") or part["name"])


async def settled(page: Page, event_id: int) -> Any:
    """The page once it knows of the event, with what it held back released, when nothing changes any more."""
    for _ in range(100):
        if int(await page.evaluate("document.documentElement.dataset.applied ?? 0")) >= event_id:
            break
        await page.wait_for_timeout(50)
    await page.locator("#items:not(:has([data-shown][data-unread]))").wait_for()  # what is open is read
    before = None
    for _ in range(40):
        await page.evaluate("document.getElementById('pill').click()")
        await page.wait_for_timeout(150)
        after = await snapshot(page)
        if after == before:
            return after
        before = after
    return before


async def test_a_supervisor_hears_at_once_that_a_channel_stopped_and_that_it_goes_on(desk: Desk) -> None:
    await desk.say("Ist das vegan?", name="Anna")
    page = await desk.page("Fatma", "/inbox?view=open")
    day = Day(desk)
    await day.stop_channel()
    notice = page.locator(".list-notices .notice")
    await notice.wait_for()
    assert "The token has ended." in await notice.inner_text()

    async def resume(session: AsyncSession) -> None:
        access = rights.Access(desk.workspace.id, Role.ADMIN, "system")
        await channels.resume(session, access, await session.get_one(Channel, desk.channel.id), now=datetime.now(UTC))

    await desk.do(resume)
    await notice.wait_for(state="detached")
