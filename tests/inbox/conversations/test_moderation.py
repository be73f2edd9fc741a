"""Actions on messages: who may, what is taken, what follows, and the order in which they leave."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import contract
from inbox.contract import Action, Batch, Capabilities, Event, EventKind
from inbox.conversations import acting, hold, moderation, receive, timers
from inbox.errors import Conflict, Forbidden, Invalid, ParleyError
from inbox.models import Conversation, Delivery, Direction, Member, Message, Moderation, ModerationState, Role, Wait
from inbox.promptness import waits
from inbox.team import rights
from tests.make import MONDAY, Make

EVERYTHING = Capabilities(actions=frozenset(Action), max_length=20)
SAID = MONDAY - timedelta(minutes=10)
LATER = MONDAY + timedelta(minutes=1)
keys = count(1)


class Scene:
    """A comment of Anna's that waits, an answer of Mira's to Bernd, and a supervisor."""

    def __init__(self, session: AsyncSession, make: Make) -> None:
        self.session, self.make = session, make

    async def set(self) -> "Scene":
        make = self.make
        self.workspace = await make.workspace()
        self.channel = await make.channel(self.workspace)
        self.mira: Member = await make.member(self.workspace, name="Mira")
        self.sven: Member = await make.member(self.workspace, role=Role.SUPERVISOR, name="Sven")
        said = Event("e1", EventKind.MESSAGE, "m1", "t1", SAID, contract.Author("anna", "Anna"), "When?")
        await receive.receive(self.session, self.channel, Batch([said]), now=SAID, move_cursor=False)
        self.comment: Message = (await self.session.scalars(select(Message))).one()
        self.conversation = await self.session.get_one(Conversation, self.comment.conversation_id)
        self.own: Message = await make.message(
            self.conversation, body="At ten.", direction=Direction.OUT, delivery=Delivery.SENT, member_id=self.mira.id, is_history=True
        )
        return self

    async def ask(self, action: Action, message: Message | None = None, *, who: Member | None = None, **more: Any) -> Moderation:
        given = {"client_key": f"key-{next(keys)}", "now": MONDAY, "capabilities": EVERYTHING, **more}
        of = message or self.comment
        return await moderation.request(self.session, rights.of(who or self.mira), self.conversation, of, action, **given)

    async def claim(self, **more: Any) -> list[Moderation]:
        return list(await acting.claim(self.session, **{"owner": "one", "now": LATER, "limit": 20, "lease": 60.0, **more}))

    async def do(self, action: Action, message: Message | None = None, **more: Any) -> None:
        await self.ask(action, message, **more)
        (claimed,) = await self.claim()
        assert await acting.mark_done(self.session, claimed, LATER)

    async def outcome(self) -> str | None:
        wait = (await self.session.scalars(select(Wait).execution_options(populate_existing=True))).one()
        return wait.outcome and wait.outcome.value

    async def row(self) -> Conversation:
        return await self.session.get_one(Conversation, self.conversation.id, populate_existing=True)

    def recorded(self, start: str = "moderation.") -> list[str]:
        return [event.kind for event in self.session.info.get("events", []) if event.kind.startswith(start)]


@pytest.fixture
async def scene(session: AsyncSession, make: Make) -> Scene:
    return await Scene(session, make).set()


async def test_an_action_leaves_when_its_undo_window_ends_and_can_be_taken_back_until_then(scene: Scene):
    queued = await scene.ask(Action.HIDE)
    assert queued.act_at == MONDAY + timedelta(seconds=5)
    assert await scene.claim(now=MONDAY + timedelta(seconds=4)) == []
    await moderation.undo(scene.session, rights.of(scene.mira), queued, now=MONDAY)
    assert await scene.claim() == []
    assert scene.recorded() == ["moderation.requested", "moderation.undone"]


async def test_what_has_left_cannot_be_taken_back(scene: Scene):
    queued = await scene.ask(Action.HIDE)
    await scene.claim()
    with pytest.raises(Conflict):
        await moderation.undo(scene.session, rights.of(scene.mira), queued, now=LATER)


async def test_the_same_key_is_the_same_action_and_another_one_does_not_get_it(scene: Scene):
    first = await scene.ask(Action.HIDE, client_key="once")
    assert (await scene.ask(Action.HIDE, client_key="once")).id == first.id
    with pytest.raises(Conflict):
        await scene.ask(Action.LIKE, client_key="once")


async def test_the_same_key_with_other_words_is_refused_not_taken_for_the_first(scene: Scene):
    first = await scene.ask(Action.EDIT, scene.own, client_key="once", text="At eleven.")
    assert (await scene.ask(Action.EDIT, scene.own, client_key="once", text=" At eleven. ")).id == first.id
    with pytest.raises(Conflict):
        await scene.ask(Action.EDIT, scene.own, client_key="once", text="At twelve.")


async def test_a_like_in_doubt_is_settled_before_another_one(scene: Scene):
    queued = await scene.ask(Action.LIKE)
    (claimed,) = await scene.claim()
    await acting.mark_ambiguous(scene.session, claimed, "No answer.", LATER)
    with pytest.raises(Conflict):
        await scene.ask(Action.LIKE)
    await moderation.settle(scene.session, rights.of(scene.mira), queued, False, now=LATER)
    await scene.ask(Action.LIKE)


async def test_two_colleagues_do_not_do_the_same_thing_at_once(scene: Scene):
    await scene.ask(Action.HIDE)
    with pytest.raises(Conflict):
        await scene.ask(Action.HIDE, who=scene.sven)


@pytest.mark.parametrize(
    ("action", "outcome", "gone"),
    [
        (Action.LIKE, None, (False, False)),  # a heart is no answer
        (Action.APPROVE, None, (False, False)),
        (Action.HIDE, "hidden", (True, False)),
        (Action.SPAM, "spam", (True, False)),
        (Action.DELETE, "deleted", (False, True)),
    ],
)
async def test_an_action_ends_the_wait_with_its_own_outcome(scene: Scene, action: Action, outcome: str | None, gone: tuple[bool, bool]):
    await scene.do(action, who=scene.sven)
    assert await scene.outcome() == outcome
    assert (scene.comment.hidden_at is not None, scene.comment.deleted_at is not None) == gone
    assert await waits.rebuild(scene.session, scene.workspace.id, now=LATER) == 0


async def test_what_is_shown_again_waits_again(scene: Scene):
    await scene.do(Action.HIDE)
    await scene.do(Action.UNHIDE)
    assert await scene.outcome() is None
    assert scene.comment.hidden_at is None


async def test_a_conversation_of_nothing_but_spam_moves_there_and_back(scene: Scene):
    await scene.session.delete(scene.own)
    await scene.do(Action.SPAM)
    assert (await scene.row()).status == "spam"
    await scene.do(Action.UNHIDE)
    assert (await scene.row()).status == "open"


async def test_a_changed_reply_reads_anew_in_the_list_too(scene: Scene):
    await scene.do(Action.EDIT, scene.own, text="At eleven.")
    assert (scene.own.body, (await scene.row()).snippet) == ("At eleven.", "At eleven.")
    assert scene.recorded("message.edited") == ["message.edited"]


@pytest.mark.parametrize(
    ("who", "action", "of", "may"),
    [
        ("mira", Action.DELETE, "own", True),
        ("mira", Action.EDIT, "own", True),
        ("mira", Action.DELETE, "comment", False),  # what a customer wrote cannot be brought back
        ("sven", Action.DELETE, "comment", True),
        ("sven", Action.EDIT, "own", True),
    ],
)
async def test_only_supervisors_delete_and_change_what_others_wrote(scene: Scene, who: str, action: Action, of: str, may: bool):
    asked = scene.ask(action, getattr(scene, of), who=getattr(scene, who), text="At one.")
    if may:
        await asked
    else:
        with pytest.raises(Forbidden):
            await asked


async def test_a_viewer_may_do_nothing(scene: Scene):
    with pytest.raises(Forbidden):
        await scene.ask(Action.LIKE, who=await scene.make.member(scene.workspace, role=Role.VIEWER))


@pytest.mark.parametrize(
    ("action", "of", "given"),
    [
        (Action.HIDE, "comment", {"capabilities": Capabilities()}),
        (Action.DELETE, "comment", {"capabilities": Capabilities(actions=frozenset(Action), own_only=frozenset({Action.DELETE}))}),
        (Action.EDIT, "comment", {"text": "Other words"}),
        (Action.HIDE, "own", {}),
        (Action.PRIVATE_REPLY, "comment", {}),  # is written, with its own undo window, as a reply
        (Action.EDIT, "own", {"text": "  "}),
        (Action.EDIT, "own", {"text": "x" * 21}),
        (Action.EDIT, "own", {"text": "Dear {{name}}"}),
    ],
)
async def test_only_what_the_platform_offers_for_this_message_is_taken(scene: Scene, action: Action, of: str, given: dict[str, Any]):
    with pytest.raises(Invalid):
        await scene.ask(action, getattr(scene, of), who=scene.sven, **given)


@pytest.mark.parametrize("values", [{"external_id": None, "delivery": Delivery.QUEUED}, {"deleted_at": MONDAY}])
async def test_what_is_not_on_the_platform_cannot_be_acted_on(scene: Scene, values: dict[str, Any]):
    for name, value in values.items():
        setattr(scene.own, name, value)
    with pytest.raises(ParleyError):
        await scene.ask(Action.DELETE, scene.own)


async def test_actions_on_one_message_leave_in_the_order_of_asking(scene: Scene):
    await scene.ask(Action.HIDE)
    await scene.ask(Action.UNHIDE)
    (first,) = await scene.claim()
    assert (first.action, await scene.claim()) == (Action.HIDE, [])
    await acting.mark_done(scene.session, first, LATER)
    assert [claimed.action for claimed in await scene.claim()] == [Action.UNHIDE]


@pytest.mark.parametrize(
    ("action", "state"),
    [(Action.HIDE, ModerationState.QUEUED), (Action.LIKE, ModerationState.AMBIGUOUS)],  # a second like may take back the first
)
async def test_an_action_whose_process_died_is_done_again_only_where_twice_is_once(scene: Scene, action: Action, state: ModerationState):
    queued = await scene.ask(action)
    await scene.claim(lease=-1.0)
    assert await acting.expire_leases(scene.session, LATER) == 1
    await scene.session.refresh(queued)
    assert (queued.state, queued.uncertain) == (state, True)
    assert len(await scene.claim()) == (state == ModerationState.QUEUED)


async def test_a_process_that_comes_back_late_overwrites_no_newer_attempt(scene: Scene):
    await scene.ask(Action.HIDE)
    (late,) = await scene.claim(lease=-1.0)
    scene.session.expunge(late)
    await acting.expire_leases(scene.session, LATER)
    await scene.claim(owner="two")
    assert not await acting.mark_failed(scene.session, late, "Too late.", LATER)


@pytest.mark.parametrize(("was_done", "state"), [(True, ModerationState.DONE), (False, ModerationState.FAILED)])
async def test_a_person_says_what_became_of_an_action_in_doubt(scene: Scene, was_done: bool, state: ModerationState):
    queued = await scene.ask(Action.LIKE)
    (claimed,) = await scene.claim()
    await acting.mark_ambiguous(scene.session, claimed, "No answer.", LATER)
    await moderation.settle(scene.session, rights.of(scene.mira), queued, was_done, now=LATER)
    assert queued.state == state
    assert scene.recorded()[-2:] == ["moderation.ambiguous", f"moderation.{state.value}"]


async def test_only_who_may_delete_says_whether_it_was_deleted(scene: Scene):
    queued = await scene.ask(Action.DELETE, who=scene.sven)
    (claimed,) = await scene.claim()
    await acting.mark_ambiguous(scene.session, claimed, "No answer.", LATER)
    with pytest.raises(Forbidden):
        await moderation.settle(scene.session, rights.of(scene.mira), queued, True, now=LATER)
    await moderation.settle(scene.session, rights.of(scene.sven), queued, True, now=LATER)


async def test_what_failed_is_tried_again_or_put_aside(scene: Scene):
    queued = await scene.ask(Action.HIDE)
    (claimed,) = await scene.claim()
    await acting.mark_failed(scene.session, claimed, "The page may not.", LATER)
    await moderation.retry(scene.session, rights.of(scene.mira), queued, now=LATER)
    (claimed,) = await scene.claim()
    await acting.mark_failed(scene.session, claimed, "The page may not.", LATER)
    await moderation.undo(scene.session, rights.of(scene.mira), queued, now=LATER)
    assert await scene.session.scalar(select(col(Moderation.state))) == ModerationState.UNDONE


async def test_a_refusal_after_a_doubt_says_nothing_about_the_first_try(scene: Scene):
    await scene.ask(Action.DELETE, who=scene.sven)
    (claimed,) = await scene.claim()
    await acting.put_back(scene.session, claimed, "No answer.", LATER, LATER, uncertain=True)
    (claimed,) = await scene.claim()
    await acting.mark_failed(scene.session, claimed, "There is no such comment.", LATER)
    assert claimed.state == ModerationState.AMBIGUOUS


async def test_a_restored_installation_repeats_no_like_that_may_have_been_given_since_the_backup(scene: Scene):
    like, hide = await scene.ask(Action.LIKE), await scene.ask(Action.HIDE)
    held = await hold.waiting(scene.session, now=LATER)
    assert [(one.what, one.id, one.author, one.overdue, one.repeatable) for one in held] == [
        ("hide", hide.id, "Mira", True, True),
        ("like", like.id, "Mira", True, False),
    ]
    await hold.release(scene.session, send_overdue=False, now=LATER)
    for asked in (like, hide):
        await scene.session.refresh(asked)
    assert (like.state, hide.state) == (ModerationState.AMBIGUOUS, ModerationState.QUEUED)


async def test_a_change_brings_no_words_back_to_what_was_deleted_meanwhile(scene: Scene):
    await scene.ask(Action.EDIT, scene.own, text="At eleven.")
    (claimed,) = await scene.claim()
    scene.own.body, scene.own.deleted_at = "", LATER  # its reader is forgotten while the platform is asked
    await scene.session.flush()
    assert await acting.mark_done(scene.session, claimed, LATER)
    assert (scene.own.body, scene.own.edited_at) == ("", None)


async def test_the_words_of_a_change_go_with_the_message_that_was_deleted(scene: Scene):
    await scene.do(Action.EDIT, scene.own, text="At eleven.")
    await scene.do(Action.DELETE, scene.own)
    kept = select(Moderation.text).order_by(col(Moderation.id))
    assert await timers.purge_deleted(scene.session, LATER + timedelta(days=29), days=30) == 0
    assert list(await scene.session.scalars(kept)) == ["At eleven.", ""]
    await timers.purge_deleted(scene.session, LATER + timedelta(days=31), days=30)
    assert list(await scene.session.scalars(kept)) == ["", ""]
