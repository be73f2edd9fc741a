"""Answers and actions on their way to a Page."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors import http
from connectors.facebook import Facebook
from inbox.contract import Action, Ambiguous, Attachment, AuthError, Permanent, Reply, WindowClosed
from tests.connectors.facebook.fake import ANNA, OURS, PAGE, SCOPES, PageApi
from tests.connectors.meta.fake import MORNING, Refusal, config, serving

PICTURE = Attachment("mug.png", "image/png", content=b"\x89PNG mug")
PAPER = Attachment("größe 1.pdf", "application/pdf", content=b"%PDF")
OUTSIDE = (10, 2018278, "This message is sent outside of allowed window.")


@pytest.fixture
def api() -> PageApi:
    return PageApi()


@pytest.fixture
async def facebook(api: PageApi) -> AsyncIterator[Facebook]:
    http.allow(["127.0.0.0/8"])
    async with serving(api) as address:
        connector = Facebook(Facebook.Config.model_validate(config(address, page_id=PAGE)))
        yield connector
        await connector.aclose()
    http.allow([])


def reply(thread_id: str = "dm:12", text: str = "At nine.", **more: Any) -> Reply:
    return Reply(key="our-key", thread_id=thread_id, text=text, **more)


async def test_the_token_tells_which_page_it_is(facebook: Facebook):
    account = await facebook.check()
    assert (account.id, account.name, account.handle, account.is_self) == (PAGE, "Shop", "shop", True)


async def test_the_token_of_somebody_else_is_told(facebook: Facebook, api: PageApi):
    api.scopes = SCOPES[1:]
    with pytest.raises(AuthError, match="pages_messaging"):
        await facebook.check()
    api.scopes, facebook.own = list(SCOPES), "1002"
    with pytest.raises(AuthError, match="not this Page's"):
        await facebook.check()


async def test_a_message_goes_into_the_chat_with_our_key(facebook: Facebook, api: PageApi):
    receipt = await facebook.send(reply())
    (call,) = api.sent()
    assert call.path == "me/messages"
    assert call.content == {"recipient": {"id": "12"}, "messaging_type": "RESPONSE", "message": {"text": "At nine.", "metadata": "our-key"}}
    assert receipt.message_id == "m_901"


async def test_files_are_handed_in_first_and_go_before_the_text(facebook: Facebook, api: PageApi):
    receipt = await facebook.send(reply(attachments=(PICTURE, PAPER)))
    first, second, *messages = api.sent()
    assert [first.path, second.path] == ["me/message_attachments"] * 2
    assert first.files["filedata"] == ("mug.png", PICTURE.content, "image/png")
    assert first.content["message"]["attachment"]["type"] == "image"
    assert second.content["message"]["attachment"]["type"] == "file"
    assert [call.content["message"]["metadata"] for call in messages] == ["our-key#0", "our-key#1", "our-key"]
    assert messages[0].content["message"]["attachment"] == {"type": "image", "payload": {"attachment_id": "a901"}}
    assert (messages[2].content["message"]["text"], receipt.message_id) == ("At nine.", "m_905")


async def test_what_was_sent_in_part_is_in_doubt(facebook: Facebook, api: PageApi):
    api.refusals["POST me/messages"] = []
    given = reply(attachments=(PICTURE,))
    taken = facebook._graph.post

    async def refusing(path: str, content: Any = None, **more: Any) -> Any:
        if path == "me/messages" and "text" in content["message"]:
            raise Permanent("refused")
        return await taken(path, content, **more)

    facebook._graph.post = refusing  # type: ignore[method-assign]
    with pytest.raises(Ambiguous, match="Only a part"):
        await facebook.send(given)


async def test_a_file_that_cannot_be_handed_in_sends_nothing(facebook: Facebook, api: PageApi):
    api.refusals["POST me/message_attachments"] = [Refusal(100, 2018047, "Upload attachment failure")]
    with pytest.raises(Permanent):
        await facebook.send(reply(attachments=(PICTURE,)))
    assert not api.sent("me/messages")


async def test_after_a_day_only_what_a_person_writes_goes_out(facebook: Facebook, api: PageApi):
    api.refusals["POST me/messages"] = [Refusal(*OUTSIDE)]
    await facebook.send(reply())
    first, second = api.sent()
    assert first.content["messaging_type"] == "RESPONSE"
    assert (second.content["messaging_type"], second.content["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")
    api.refusals["POST me/messages"] = [Refusal(*OUTSIDE)]
    with pytest.raises(WindowClosed):
        await facebook.send(reply(human=False))
    assert len(api.sent()) == 3


@pytest.mark.parametrize("second", [Refusal(*OUTSIDE), Refusal(10, message="not approved for this tag"), Refusal(100, message="tag")])
async def test_an_app_that_may_not_use_the_tag_is_outside_of_the_window(facebook: Facebook, api: PageApi, second: Refusal):
    api.refusals["POST me/messages"] = [Refusal(*OUTSIDE), second]
    with pytest.raises(WindowClosed):
        await facebook.send(reply())


async def test_an_answer_stands_under_its_comment(facebook: Facebook, api: PageApi):
    receipt = await facebook.send(reply("55_7", parent_id="55_8", attachments=(PICTURE,), post_id=f"{PAGE}_55"))
    (call,) = api.sent()
    assert (call.path, call.content, call.files["source"][0]) == ("55_8/comments", {"message": "At nine."}, "mug.png")
    assert (receipt.message_id, receipt.permalink) == ("55_901", "https://www.facebook.com/55_901")
    with pytest.raises(Permanent):
        await facebook.send(reply("55_7", attachments=(PICTURE, PAPER)))


@pytest.mark.parametrize(("thread", "whom"), [("55_7", {"comment_id": "55_7"}), (f"{PAGE}_77", {"post_id": f"{PAGE}_77"})])
async def test_a_private_answer_goes_to_whoever_wrote(facebook: Facebook, api: PageApi, thread: str, whom: Any):
    await facebook.send(reply(thread, private=True))
    (call,) = api.sent()
    assert (call.path, call.content["recipient"]) == ("me/messages", whom)


async def test_a_second_private_answer_is_refused(facebook: Facebook, api: PageApi):
    api.refusals["POST me/messages"] = [Refusal(10900, message="Activity already replied to")]
    with pytest.raises(WindowClosed):
        await facebook.send(reply("55_7", private=True))
    assert len(api.sent()) == 1  # no tag opens it again


async def test_a_comment_that_may_have_been_sent_is_looked_up(facebook: Facebook, api: PageApi):
    assert await facebook.find_sent(reply("55_7", parent_id="55_7")) is None
    api.comment(f"{PAGE}_55", "55_8", "At nine.", by=ANNA, parent="55_7")
    api.comment(f"{PAGE}_55", "55_9", "At  nine.\n", by=OURS, parent="55_7")
    found = await facebook.find_sent(reply("55_7", parent_id="55_7"))
    assert found is not None
    assert (found.message_id, found.accepted_at) == ("55_9", MORNING)
    with pytest.raises(Permanent):
        await facebook.find_sent(reply())


@pytest.mark.parametrize(
    ("action", "method", "path", "content"),
    [
        (Action.LIKE, "POST", "55_7/likes", {}),
        (Action.HIDE, "POST", "55_7", {"is_hidden": True}),
        (Action.UNHIDE, "POST", "55_7", {"is_hidden": False}),
        (Action.EDIT, "POST", "55_7", {"message": "At ten."}),
        (Action.DELETE, "DELETE", "55_7", {}),
    ],
)
async def test_actions(facebook: Facebook, api: PageApi, action: Action, method: str, path: str, content: Any):
    await facebook.act(action, "55_7", "At ten.")
    (call,) = api.sent()
    assert (call.method, call.path, call.content) == (method, path, content)


async def test_a_private_answer_is_an_action_too(facebook: Facebook, api: PageApi):
    await facebook.act(Action.PRIVATE_REPLY, "55_7", "Your order number, please?")
    (call,) = api.sent()
    assert (call.content["recipient"], call.content["message"]["text"]) == ({"comment_id": "55_7"}, "Your order number, please?")


@pytest.mark.parametrize("given", [reply(text=" \n"), reply(attachments=(Attachment("gone.txt", "text/plain"),))])
async def test_what_cannot_be_sent_never_leaves(facebook: Facebook, api: PageApi, given: Reply):
    with pytest.raises(Permanent):
        await facebook.send(given)
    assert not api.sent()


async def test_messages_in_a_chat_have_no_actions(facebook: Facebook, api: PageApi):
    with pytest.raises(Permanent):
        await facebook.act(Action.HIDE, "m_7")
    assert not api.calls
