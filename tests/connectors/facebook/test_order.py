"""Comments in the inbox, in whatever order Meta tells of them."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from connectors.facebook import Facebook
from inbox.conversations import receive
from inbox.models import Conversation, Direction, Message, Reaction
from tests.connectors.facebook.fake import ANNA, BERND, OURS, PAGE, change, commented, notification
from tests.connectors.meta.fake import MORNING, config, pushed
from tests.make import MONDAY, Make

LIKE = {"from": ANNA, "item": "reaction", "verb": "add", "reaction_type": "love", "comment_id": "55_2", "post_id": f"{PAGE}_55"}


def after(seconds: int) -> Any:
    return {"at": MORNING + timedelta(seconds=seconds)}


STORY = [
    change(commented("55_1", "When?")),
    change(commented("55_2", "And where?", by=BERND, parent="55_1", **after(1)), **after(1)),
    change(commented("55_1", "When, please?", verb="edited", **after(2)), **after(2)),
    change(commented("55_3", "Never mind", **after(3)), **after(3)),
    change(commented("55_3", "", verb="remove", **after(4)), **after(4)),
    change(LIKE | {"created_time": int(after(5)["at"].timestamp())}, **after(5)),
    change(commented("55_4", "Spam", by=BERND, **after(6)), **after(6)),
    change(commented("55_4", "", by=BERND, verb="hide", **after(7)), **after(7)),
    change(commented("55_5", "At nine.", by=OURS, parent="55_1", **after(8)), **after(8)),
]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("together", [True, False])
async def test_the_order_of_notifications_makes_no_difference(session: Any, make: Make, seed: int, together: bool):
    facebook = Facebook(Facebook.Config.model_validate(config("http://127.0.0.1:9", page_id=PAGE)))
    channel = await make.channel(await make.workspace(), platform="facebook", account_id=PAGE)
    story = list(STORY)
    random.Random(seed).shuffle(story)
    for part in [story] if together else [*([one] for one in story), *([one] for one in story)]:  # Meta tells things twice, too
        batch = facebook.webhook(pushed(notification(*part)))[1][""]
        assert not batch.rejected
        await receive.receive(session, channel, batch, now=MONDAY, move_cursor=False)
        session.expunge_all()
    told = (Message.external_id, Message.body, col(Message.deleted_at).is_not(None), col(Message.hidden_at).is_not(None), Message.direction)
    rows = [tuple(row) for row in await session.execute(select(*told).order_by(col(Message.external_id)))]
    assert rows == [
        ("55_1", "When, please?", False, False, Direction.IN),
        ("55_2", "And where?", False, False, Direction.IN),
        ("55_3", "Never mind", True, False, Direction.IN),
        ("55_4", "Spam", False, True, Direction.IN),
        ("55_5", "At nine.", False, False, Direction.OUT),
    ]
    assert [reaction.emoji for reaction in await session.scalars(select(Reaction))] == ["❤️"]
    found = {message.external_id: message.conversation_id for message in await session.scalars(select(Message))}
    assert found["55_1"] == found["55_2"] == found["55_5"]
    assert len((await session.scalars(select(Conversation))).all()) == 3
