"""Answers and actions on their way to Instagram."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors import http
from connectors.instagram import Instagram
from inbox.contract import Action, Attachment, AuthError, Permanent, Reply, WindowClosed
from tests.connectors.instagram.fake import ACCOUNT, ANNA, OURS, SCOPES, AccountApi
from tests.connectors.meta.fake import MORNING, Refusal, config, serving

PICTURE = Attachment("mug.png", "image/png", content=b"\x89PNG mug")


@pytest.fixture
def api() -> AccountApi:
    return AccountApi()


@pytest.fixture
async def instagram(api: AccountApi) -> AsyncIterator[Instagram]:
    http.allow(["127.0.0.0/8"])
    async with serving(api) as address:
        connector = Instagram(Instagram.Config.model_validate(config(address, instagram_id=ACCOUNT)))
        yield connector
        await connector.aclose()
    http.allow([])


def reply(thread_id: str = "dm:12", text: str = "At nine.", **more: Any) -> Reply:
    return Reply(key="our-key", thread_id=thread_id, text=text, **more)


async def test_the_account_tells_who_we_are(instagram: Instagram, api: AccountApi):
    account = await instagram.check()
    assert (account.id, account.name, account.handle, account.is_self) == (ACCOUNT, "The Shop", "shop", True)
    api.scopes = SCOPES[:2]
    with pytest.raises(AuthError, match="instagram_manage_messages"):
        await instagram.check()


async def test_a_message_goes_into_the_chat(instagram: Instagram, api: AccountApi):
    receipt = await instagram.send(reply(attachments=(PICTURE,)))
    handed, first, second = api.sent()
    assert (handed.content["platform"], handed.files["filedata"][0]) == ("instagram", "mug.png")
    assert first.content["message"] == {"attachment": {"type": "image", "payload": {"attachment_id": "a901"}}}
    assert second.content == {"recipient": {"id": "12"}, "messaging_type": "RESPONSE", "message": {"text": "At nine."}}
    assert receipt.message_id == "mid.903"


async def test_after_a_day_only_what_a_person_writes_goes_out(instagram: Instagram, api: AccountApi):
    api.refusals["POST me/messages"] = [Refusal(10, 2534022)]
    with pytest.raises(WindowClosed):
        await instagram.send(reply(human=False))
    api.refusals["POST me/messages"] = [Refusal(10, 2534022)]
    await instagram.send(reply())
    assert [call.content.get("tag") for call in api.sent()] == [None, None, "HUMAN_AGENT"]


@pytest.mark.parametrize(
    ("thread", "path", "content"),
    [
        ("7", "7/replies", {"message": "At nine."}),
        ("mention:66:9", f"{ACCOUNT}/mentions", {"media_id": "66", "comment_id": "9", "message": "At nine."}),
        ("mention:67", f"{ACCOUNT}/mentions", {"media_id": "67", "message": "At nine."}),
    ],
)
async def test_an_answer_goes_where_the_question_was_asked(instagram: Instagram, api: AccountApi, thread: str, path: str, content: Any):
    receipt = await instagram.send(reply(thread, parent_id="8"))
    (call,) = api.sent()
    assert (call.path, call.content, receipt.message_id) == (path, content, "901")


async def test_a_private_answer_goes_to_whoever_commented_once(instagram: Instagram, api: AccountApi):
    await instagram.send(reply("7", parent_id="8", private=True))
    await instagram.act(Action.PRIVATE_REPLY, "9", "Your order number, please?")
    assert [call.content["recipient"] for call in api.sent()] == [{"comment_id": "8"}, {"comment_id": "9"}]


@pytest.mark.parametrize("given", [reply("7", attachments=(PICTURE,)), reply(text=" ")])
async def test_what_instagram_cannot_take_never_leaves(instagram: Instagram, api: AccountApi, given: Reply):
    with pytest.raises(Permanent):
        await instagram.send(given)
    assert not api.sent()


async def test_an_answer_that_may_have_been_sent_is_looked_up(instagram: Instagram, api: AccountApi):
    assert await instagram.find_sent(reply("7")) is None
    api.comment("8", "At nine.", by=ANNA, to="7")
    api.comment("9", "At nine.", by=OURS, to="7")
    found = await instagram.find_sent(reply("7"))
    assert found is not None
    assert (found.message_id, found.accepted_at) == ("9", MORNING)
    for given in (reply(), reply("7", private=True), reply("mention:66")):
        with pytest.raises(Permanent):
            await instagram.find_sent(given)


@pytest.mark.parametrize(
    ("action", "method", "content"),
    [(Action.HIDE, "POST", {"hide": True}), (Action.UNHIDE, "POST", {"hide": False}), (Action.DELETE, "DELETE", {})],
)
async def test_actions(instagram: Instagram, api: AccountApi, action: Action, method: str, content: Any):
    await instagram.act(action, "7")
    (call,) = api.sent()
    assert (call.method, call.path, call.content) == (method, "7", content)
    with pytest.raises(Permanent):
        await instagram.act(Action.LIKE, "7")


async def test_messages_in_a_chat_have_no_actions(instagram: Instagram, api: AccountApi):
    with pytest.raises(Permanent):
        await instagram.act(Action.HIDE, "aWdmid")
    assert not api.calls
