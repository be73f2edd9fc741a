"""The website chat from outside: what a visitor can do, and what nobody else can."""

import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import func, select, update
from sqlmodel import col
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.app import create_app
from api.deps import House
from inbox import events
from inbox.contract import Receipt
from inbox.conversations import outbox, replies, visitors, visits
from inbox.db import Database
from inbox.models import (
    Attachment,
    Channel,
    ChannelState,
    Contact,
    Conversation,
    Member,
    Message,
    Metric,
    Outcome,
    Reading,
    Status,
    Throttle,
    Visitor,
    VisitorToken,
    Wait,
    Workspace,
)
from inbox.team import presence
from tests.api.visitor import SITE, Page, serving, visiting
from tests.make import Make


class Shop:
    """A workspace with a chat on its website, and a member who answers."""

    def __init__(self, database: Database, house: House, address: str, workspace: Workspace, channel: Channel, member: Member) -> None:
        self.database, self.house, self.address = database, house, address
        self.workspace, self.channel, self.member = workspace, channel, member

    @property
    def key(self) -> str:
        return self.channel.key

    def path(self, rest: str) -> str:
        return f"{self.address}/widget/{self.key}{rest}"

    async def rows(self, query: Any) -> Any:
        async with self.database.transaction() as session:
            return (await session.scalars(query)).all()

    async def answer(self, body: str) -> Message:
        """A member's reply to the newest conversation, delivered."""
        now = self.house.clock()
        async with self.database.transaction() as session:
            conversation = (await session.scalars(select(Conversation).order_by(col(Conversation.id).desc()).limit(1))).one()
            message = await replies.queue(
                session, conversation, self.member, body=body, client_key=secrets.token_hex(8), now=now, send_at=now
            )
        async with self.database.transaction() as session:
            [claimed] = await outbox.claim(session, owner="test", now=now, limit=1)
        async with self.database.transaction() as session:
            await outbox.mark_sent(session, claimed, Receipt(message_id=f"answer:{message.client_key}", accepted_at=now), now=now)
        return message


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    async with serving(app) as address:
        yield address


async def open_shop(database: Database, house: House, address: str, **config: Any) -> Shop:
    async with database.transaction() as session:
        make = Make(session)
        workspace = await make.workspace(privacy_url="https://www.example.org/privacy")
        member = await make.member(workspace, name="Kim Brandt", public_name="Kim")
        public = {"allowed_origins": [SITE], **config}
        channel = await make.channel(workspace, platform="widget", key=secrets.token_hex(8), account_id="widget", public_config=public)
    return Shop(database, house, address, workspace, channel, member)


@pytest.fixture
async def shop(database: Database, house: House, address: str) -> Shop:
    return await open_shop(database, house, address)


async def messages(shop: Shop) -> list[Message]:
    return await shop.rows(select(Message).order_by(col(Message.id)))


# The tag


async def test_the_tag_is_served_with_its_settings_and_is_not_sent_twice(shop: Shop):
    async with httpx.AsyncClient() as browser:
        first = await browser.get(shop.path(".js"))
        again = await browser.get(shop.path(".js"), headers={"If-None-Match": first.headers["etag"]})
    assert first.headers["content-type"].startswith("text/javascript")
    assert first.headers["access-control-allow-origin"] == "*"
    assert "max-age=300" in first.headers["cache-control"]
    assert '"privacy": "https://www.example.org/privacy"' in first.text
    assert "set-cookie" not in first.headers
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("set_to", "browser_says", "workspace_says", "locale"),
    [("", "de-AT,en;q=0.5", "en", "de"), ("", "fr-FR", "de", "de"), ("", "", "en", "en"), ("en", "de", "de", "en")],
)
async def test_our_own_pages_of_a_chat_speak_the_set_language_or_the_visitors_or_the_workspaces(
    database: Database, house: House, address: str, set_to: str, browser_says: str, workspace_says: str, locale: str
):
    shop = await open_shop(database, house, address, locale=set_to)
    async with database.transaction() as session:
        await session.execute(update(Workspace).values(locale=workspace_says))
    async with httpx.AsyncClient(headers={"accept-language": browser_says}) as browser:
        for path in ("/try", "/chat"):
            assert f'<html lang="{locale}">' in (await browser.get(shop.path(path))).text
        assert f'"workspace_locale": "{workspace_says}"' in (await browser.get(shop.path(".js"))).text


async def test_settings_cannot_end_the_script_and_begin_another(database: Database, house: House, address: str):
    shop = await open_shop(database, house, address, title="</script><script>alert(1)</script>")
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(shop.path(".js"))
    assert "</script>" not in answer.text


async def test_modules_are_kept_for_ever_under_their_version_only(shop: Shop):
    async with httpx.AsyncClient() as browser:
        script = (await browser.get(shop.path(".js"))).text
        version = script.split('"version": "')[1].split('"')[0]
        current = await browser.get(f"{shop.address}/widget/modules/{version}/launch.js")
        old = await browser.get(f"{shop.address}/widget/modules/older/launch.js")
        missing = await browser.get(f"{shop.address}/widget/modules/{version}/secrets.js")
    assert "immutable" in current.headers["cache-control"]
    assert old.headers["cache-control"] == "no-cache"
    assert missing.status_code == 404


@pytest.mark.parametrize("change", [{"removed_at": func.now()}, {"state": ChannelState.PAUSED}, {"platform": "webhook"}])
async def test_a_chat_that_is_switched_off_has_no_door_at_all(shop: Shop, change: dict[str, Any]):
    async with shop.database.transaction() as session:
        await session.execute(update(Channel).where(col(Channel.id) == shop.channel.id).values(**change))
    async with httpx.AsyncClient() as browser:
        for path in (".js", "/try", "/chat", "/transcript", "/files/1/1/x/y"):
            assert (await browser.get(shop.path(path), headers={"Origin": SITE})).status_code == 404, path
    with pytest.raises(InvalidStatus):
        async with visiting(shop.address, shop.key):
            pass


# Talking


async def test_a_visitors_message_is_in_the_inbox_and_a_wait_is_open(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        accepted = await page.say("Do you ship to Norway? 🇳🇴")
    [message] = await messages(shop)
    assert (message.id, message.body) == (accepted["id"], "Do you ship to Norway? 🇳🇴")
    [wait] = await shop.rows(select(Wait))
    assert wait.closed_at is None


async def test_the_answer_appears_in_the_open_chat_and_closes_the_wait(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await page.say("Hello?")
        await shop.answer("Hello, Kim here.")
        line = await page.lines("Hello, Kim here.")
    assert (line["mine"], line["author"]) == (False, "Kim")
    [wait] = await shop.rows(select(Wait))
    assert wait.outcome == Outcome.ANSWERED


async def test_an_answer_is_not_shown_before_it_was_sent(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await page.say("Hello?")
        async with shop.database.transaction() as session:
            [conversation] = (await session.scalars(select(Conversation))).all()
            await replies.queue(session, conversation, shop.member, body="Maybe", client_key="k", now=shop.house.clock())
        async with visiting(shop.address, shop.key, token=page.token) as other:
            assert [line["text"] for line in other.ready["messages"]] == ["Hello?"]


async def test_nothing_is_stored_before_the_first_message(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await page.send(type="typing")
        await page.send(type="seen", message=1)
        await page.send(type="ping")
        await page.hear("pong")
    assert await shop.rows(select(Visitor)) == []
    assert await shop.rows(select(VisitorToken)) == []
    assert await shop.rows(select(Contact)) == []


async def test_a_message_sent_again_with_its_key_is_one_message(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        first = await page.say("Once", key="0123456789")
    async with visiting(shop.address, shop.key, token=page.token) as page:
        second = await page.say("Once", key="0123456789")
    assert first["id"] == second["id"]
    assert len(await messages(shop)) == 1


async def test_two_tabs_that_begin_at_once_are_one_visitor_and_see_each_other(shop: Shop):
    async with visiting(shop.address, shop.key) as one, visiting(shop.address, shop.key, token=one.token) as two:
        await one.send(type="message", key="first-message", text="From one")
        await two.send(type="message", key="second-message", text="From two")
        await one.hear("accepted")
        await two.hear("accepted")
        await one.lines("From two")
        await two.lines("From one")
    assert len(await shop.rows(select(Visitor))) == 1
    assert len(await shop.rows(select(Conversation))) == 1


async def test_a_page_that_was_away_catches_up_from_the_last_id_it_saw(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await page.say("Hello?")
        seen = await page.lines("Hello?")
        last = page.frames[-1]["last"]
    await shop.answer("While you were away")
    async with shop.database.transaction() as session:
        await session.execute(update(Message).where(col(Message.id) == seen["id"]).values(body="Hello!"))
    async with visiting(shop.address, shop.key, token=page.token, after=last) as page:
        assert page.ready["whole"] is False
        assert [line["text"] for line in page.ready["messages"]] == ["While you were away"]


async def test_a_deleted_answer_leaves_the_open_chat(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await page.say("Hello?")
        answer = await shop.answer("Wrong window")
        await page.lines("Wrong window")
        async with shop.database.transaction() as session:
            await session.execute(update(Message).where(col(Message.id) == answer.id).values(deleted_at=shop.house.clock()))
            events.record(
                session, "message.deleted", workspace_id=answer.workspace_id, conversation_id=answer.conversation_id,
                channel_id=answer.channel_id, at=shop.house.clock(), actor="system", message=answer.id,
            )  # fmt: skip
        frame = await page.hear("messages")
    assert frame["gone"] == [answer.id]


async def test_seen_works_both_ways(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await page.say("Hello?")
        answer = await shop.answer("Yes?")
        await page.lines("Yes?")
        await page.send(type="seen", message=answer.id)
        await page.send(type="ping")
        await page.hear("pong")
        [stored] = await shop.rows(select(Message).where(col(Message.id) == answer.id))
        assert stored.seen_at is not None
        async with shop.database.transaction() as session:
            reading = Reading(
                workspace_id=answer.workspace_id, conversation_id=answer.conversation_id, member_id=shop.member.id,
                message_id=answer.id, at=shop.house.clock(),
            )  # fmt: skip
            session.add(reading)
            events.record(
                session, "conversation.read", workspace_id=answer.workspace_id, conversation_id=answer.conversation_id,
                at=shop.house.clock(), actor=f"member:{shop.member.id}", member=shop.member.id, message=answer.id,
            )  # fmt: skip
        while (await page.hear("messages"))["seen"] != answer.id:
            pass


async def test_typing_is_shown_both_ways(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await page.say("Hello?")
        [conversation] = await shop.rows(select(Conversation))
        await page.send(type="typing")
        await page.send(type="ping")
        await page.hear("pong")
        async with shop.database.transaction() as session:
            [person] = await visits.typing_in(session, [conversation.id], now=shop.house.clock())
            assert (person.conversation_id, person.typing) == (conversation.id, True)
            await presence.show(
                session, workspace_id=shop.workspace.id, conversation_id=conversation.id, member_id=shop.member.id, typing=True,
                now=shop.house.clock(),
            )  # fmt: skip
        assert (await page.hear("typing"))["on"] is True
        assert (await page.say("More"))["here"] is True  # who types is there


async def test_a_message_ends_the_typing(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await page.say("Hello?")
        await page.send(type="typing")
        await page.say("Sent")
        [conversation] = await shop.rows(select(Conversation))
        async with shop.database.transaction() as session:
            assert await visits.typing_in(session, [conversation.id], now=shop.house.clock()) == []


# Who may read


async def test_a_second_visitor_sees_nothing_of_the_first(shop: Shop):
    async with visiting(shop.address, shop.key) as first:
        await first.say("My secret")
        async with visiting(shop.address, shop.key) as second:
            assert second.ready["messages"] == []
            await second.say("Mine")
            await second.lines("Mine")
        assert "My secret" not in json.dumps(second.frames)


@pytest.mark.parametrize("spoil", ["other channel", "other workspace", "changed", "invented", "without signature"])
async def test_only_the_token_itself_opens_a_chat(database: Database, house: House, address: str, spoil: str):
    shop = await open_shop(database, house, address)
    async with visiting(shop.address, shop.key) as page:
        await page.say("My secret")
    key, token = shop.key, page.token
    if spoil == "other channel":
        async with database.transaction() as session:
            workspace = await session.get_one(Workspace, shop.workspace.id)
            second = await Make(session).channel(
                workspace, platform="widget", key="another-chat", public_config={"allowed_origins": [SITE]}
            )
        key = second.key
    elif spoil == "other workspace":
        key = (await open_shop(database, house, address)).key
    elif spoil == "changed":
        token = ("A" if token[0] != "A" else "B") + token[1:]
    elif spoil == "invented":
        token = f"{secrets.token_urlsafe(32)}.{token.partition('.')[2]}"
    else:
        token = token.partition(".")[0]
    async with visiting(address, key, token=token) as thief:
        assert thief.ready["messages"] == []
        assert thief.ready["fresh"] is True
    async with httpx.AsyncClient(headers={"Origin": SITE, "Authorization": f"Bearer {token}"}) as browser:
        assert (await browser.get(f"{address}/widget/{key}/transcript")).status_code == 401
        assert (await browser.delete(f"{address}/widget/{key}/chat")).status_code == 401


async def test_seen_of_a_guessed_id_changes_nothing_of_another_chat(shop: Shop):
    async with visiting(shop.address, shop.key) as first:
        await first.say("Hello?")
        answer = await shop.answer("For the first")
    async with visiting(shop.address, shop.key) as second:
        await second.say("I guess ids")
        await second.send(type="seen", message=answer.id)
        await second.send(type="ping")
        await second.hear("pong")
    [stored] = await shop.rows(select(Message).where(col(Message.id) == answer.id))
    assert stored.seen_at is None


async def test_a_strangers_mail_in_the_conversation_is_not_shown_to_the_visitor(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await page.say("Hello?")
        async with shop.database.transaction() as session:
            make = Make(session)
            [conversation] = (await session.scalars(select(Conversation))).all()
            mailbox = await make.channel(await session.get_one(Workspace, shop.workspace.id), platform="email")
            stranger = await make.identity(mailbox, name="Stranger")
            await make.message(conversation, body="For the team only", identity_id=stranger.id, channel_id=mailbox.id)
        async with visiting(shop.address, shop.key, token=page.token) as other:
            assert [line["text"] for line in other.ready["messages"]] == ["Hello?"]


@pytest.mark.parametrize("origin", ["https://evil.example", "https://www.example.org.evil.example", "http://www.example.org", "null", None])
async def test_a_website_that_is_not_on_the_list_gets_no_chat(shop: Shop, origin: str | None):
    with pytest.raises(InvalidStatus):
        async with connect(shop.path("/socket").replace("http", "ws"), origin=origin, proxy=None):
            pass
    headers = {"Origin": origin} if origin else {}
    async with httpx.AsyncClient(headers=headers) as browser:
        answer = await browser.post(shop.path("/resume"), json={"link": "x"})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


async def test_our_own_pages_may_always_show_the_chat(shop: Shop):
    async with visiting(shop.address, shop.key, origin=shop.address) as page:
        await page.say("From the test page")


# Files


async def upload(shop: Shop, token: str, content: bytes, media_type: str = "image/png", **query: str) -> httpx.Response:
    headers = {"Origin": SITE, "Authorization": f"Bearer {token}", "Content-Type": media_type}
    params = {"name": "photo.png", "message": secrets.token_hex(8), **query}
    async with httpx.AsyncClient() as browser:
        return await browser.post(shop.path("/files"), content=content, headers=headers, params=params)


async def test_a_file_is_a_message_that_both_sides_can_open(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        answer = await upload(shop, page.token, b"\x89PNG picture", name="ph\u00f6to/..\\.png")
        assert answer.status_code == 201
        assert answer.headers["access-control-allow-origin"] == SITE
        async with visiting(shop.address, shop.key, token=page.token) as other:
            [line] = other.ready["messages"]
    [file] = line["files"]
    assert file["picture"] is True
    async with httpx.AsyncClient() as browser:
        opened = await browser.get(shop.path(f"/{file['link']}"))
        folder, number, ends, signature, name = file["link"].split("/")
        guessed = [(number, ends, signature[::-1]), (number, str(int(ends) + 86400), signature), (f"{int(number) + 1}", ends, signature)]
        stolen = [await browser.get(shop.path(f"/{'/'.join([folder, *parts, name])}")) for parts in guessed]
    assert opened.content == b"\x89PNG picture"
    assert opened.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in opened.headers["content-security-policy"]
    assert [answer.status_code for answer in stolen] == [404, 404, 404]
    [attachment] = await shop.rows(select(Attachment))
    assert "/" not in attachment.name


async def test_a_file_that_is_no_picture_is_only_ever_downloaded(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await upload(shop, page.token, b"<script>", "text/plain", name="page.html")
        async with visiting(shop.address, shop.key, token=page.token) as other:
            [line] = other.ready["messages"]
    async with httpx.AsyncClient() as browser:
        opened = await browser.get(shop.path(f"/{line['files'][0]['link']}"))
    assert opened.headers["content-disposition"].startswith("attachment")
    assert opened.headers["content-type"] == "application/octet-stream"


async def test_an_upload_sent_again_with_its_key_is_one_message(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        first = await upload(shop, page.token, b"picture", message="same-key-1")
        second = await upload(shop, page.token, b"picture", message="same-key-1")
    assert first.json() == second.json()
    assert len(await messages(shop)) == 1


async def test_a_file_of_a_wrong_type_size_or_visitor_is_refused_and_nothing_is_stored(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        assert (await upload(shop, page.token, b"MZ", "application/x-msdownload")).json()["code"] == "file_type"
        assert (await upload(shop, page.token, b"<svg/>", "image/svg+xml")).json()["code"] == "file_type"
        assert (await upload(shop, page.token, b"", "image/png")).json()["code"] == "file_empty"
        most = shop.house.settings.max_upload_bytes
        assert (await upload(shop, page.token, b"x" * (most + 1))).json()["code"] == "file_size"
        assert (await upload(shop, "x", b"picture")).status_code == 401
        assert (await upload(shop, page.token, b"picture", message="k'; --")).status_code == 422
    assert await messages(shop) == []


# The visitor's rights


async def test_a_visitor_can_take_a_copy_of_the_chat(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await page.say("Hello?")
        await shop.answer("Hello, Kim here.")
    async with httpx.AsyncClient(headers={"Origin": SITE, "Authorization": f"Bearer {page.token}"}) as browser:
        text = await browser.get(shop.path("/transcript"))
        data = await browser.get(shop.path("/transcript"), params={"format": "json"})
    assert "Hello?" in text.text
    assert "Kim" in text.text
    assert text.headers["content-disposition"] == 'attachment; filename="chat.txt"'
    assert [(row["from"], row["text"]) for row in data.json()["messages"]] == [("visitor", "Hello?"), ("team", "Hello, Kim here.")]


@pytest.mark.parametrize("known_elsewhere", [False, True])
async def test_a_visitor_can_delete_the_chat_everywhere(shop: Shop, known_elsewhere: bool):
    async with visiting(shop.address, shop.key) as page, visiting(shop.address, shop.key, token=page.token) as other_tab:
        await page.say("Please forget this")
        await other_tab.send(type="hello", token=page.token)
        await upload(shop, page.token, b"picture")
        [contact] = await shop.rows(select(Contact))
        if known_elsewhere:
            async with shop.database.transaction() as session:
                make = Make(session)
                identity = await make.identity(await make.channel(await session.get_one(Workspace, shop.workspace.id)))
                identity.contact_id = contact.id
        async with httpx.AsyncClient(headers={"Origin": SITE, "Authorization": f"Bearer {page.token}"}) as browser:
            assert (await browser.delete(shop.path("/chat"))).status_code == 204
            assert (await browser.get(shop.path("/transcript"))).status_code == 404
        await other_tab.hear("ended")
    for message in await messages(shop):
        assert message.body == ""
        assert message.deleted_at is not None
    assert await shop.rows(select(Attachment)) == []
    assert await shop.rows(select(VisitorToken)) == []
    [conversation] = await shop.rows(select(Conversation))
    assert conversation.status == Status.RESOLVED
    assert conversation.erased_at is not None
    assert conversation.snippet == ""
    assert {wait.outcome for wait in await shop.rows(select(Wait))} == {Outcome.DELETED}


async def test_a_deleted_chat_takes_no_more_messages_and_a_new_one_begins(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await page.say("Please forget this")
    async with httpx.AsyncClient(headers={"Origin": SITE, "Authorization": f"Bearer {page.token}"}) as browser:
        await browser.delete(shop.path("/chat"))
    async with visiting(shop.address, shop.key, token=page.token) as again:
        assert again.ready["fresh"] is True
        await again.say("Something new")
    assert len(await shop.rows(select(Conversation))) == 2


async def test_legal_hold_keeps_the_words_and_still_ends_the_visitors_access(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await page.say("Evidence")
    async with shop.database.transaction() as session:
        await session.execute(update(Contact).values(legal_hold=True))
    async with httpx.AsyncClient(headers={"Origin": SITE, "Authorization": f"Bearer {page.token}"}) as browser:
        assert (await browser.delete(shop.path("/chat"))).status_code == 204
        assert (await browser.get(shop.path("/transcript"))).status_code == 404
    [message] = await messages(shop)
    assert message.body == "Evidence"


# Limits and nonsense


async def test_too_many_messages_are_told_to_wait_and_can_come_later(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        for number in range(20):
            await page.say(f"Message {number}")
        await page.send(type="message", key="one-too-many", text="And one more")
        refused = await page.hear("refused")
        assert refused["code"] == "too_many"
        assert refused["key"] == "one-too-many"
        assert refused["retry_after"] > 0
        async with shop.database.transaction() as session:
            await session.execute(update(Throttle).values(window_ends_at=shop.house.clock() - timedelta(seconds=1)))
        await page.say("And one more", key="one-too-many")
    assert len(await messages(shop)) == 21


async def test_a_message_that_is_too_long_is_refused_by_its_key_and_the_chat_goes_on(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await page.send(type="message", key="too-long-1", text="x" * 4001)
        assert await page.hear("refused") == {"type": "refused", "code": "too_long", "key": "too-long-1"}
        await page.say("Short")


NONSENSE: list[str | bytes] = [
    "",
    "null",
    "[]",
    "{",
    "{}",
    '{"type":"admin"}',
    '{"type":"message"}',
    '{"type":"message","key":1,"text":"x"}',
    '{"type":"message","key":"aaaaaaaa","text":{"a":1}}',
    '{"type":"message","key":"\\ud800aaaaaaa","text":"x"}',
    '{"type":"message","key":"aaaaaaaa","text":"\\ud800"}',
    '{"type":"seen","message":-1}',
    '{"type":"seen","message":1e400}',
    '{"type":"seen","message":99999999999999999999}',
    '{"type":"hello","after":"x"}',
    b"\x00\xff",
    "x" * 70_000,
    "[" * 5000,
]


async def test_nonsense_closes_its_socket_and_harms_nothing(shop: Shop):
    for frame in NONSENSE:
        async with visiting(shop.address, shop.key) as page:
            await page.socket.send(frame)
            with pytest.raises(ConnectionClosed) as closed:
                await page.hear("never")
        assert closed.value.rcvd is not None, frame
        assert closed.value.rcvd.code in {1003, 1008, 1009}, frame
    assert await messages(shop) == []
    async with visiting(shop.address, shop.key) as page:
        await page.say("Still works")


@pytest.mark.parametrize("text", ["a\x00b", "\u202eright to left", "👩‍👩‍👧", "<script>alert(1)</script>", "'; DROP TABLE message; --"])
async def test_words_of_any_kind_come_in_as_words(shop: Shop, text: str):
    async with visiting(shop.address, shop.key) as page:
        await page.say(text)
        await page.lines(text.replace("\x00", ""))


async def test_a_socket_that_floods_is_closed(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        for _ in range(200):
            await page.socket.send('{"type":"ping"}')
        with pytest.raises(ConnectionClosed):
            await page.hear("never")


async def test_a_frame_before_hello_is_refused(shop: Shop):
    async with connect(shop.path("/socket").replace("http", "ws"), origin=SITE, proxy=None) as socket:  # pyright: ignore[reportArgumentType]
        page = Page(socket)
        await page.send(type="message", key="no-hello-1", text="x")
        assert (await page.hear("refused"))["code"] == "hello"


async def test_a_removed_chat_ends_its_sockets_with_their_next_sign_of_life(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        async with shop.database.transaction() as session:
            await session.execute(update(Channel).where(col(Channel.id) == shop.channel.id).values(removed_at=shop.house.clock()))
        await page.send(type="ping")
        with pytest.raises(ConnectionClosed):
            await page.hear("pong")


# E-mail while nobody is there


@pytest.fixture
async def mailing(database: Database, house: House) -> AsyncIterator[Shop]:
    settings = house.settings.model_copy(update={"smtp_url": SecretStr("smtp://127.0.0.1:1"), "mail_from": "Parley <chat@example.org>"})
    async with serving(create_app(replace(house, settings=settings))) as address:
        yield await open_shop(database, replace(house, settings=settings), address)


async def test_an_address_is_asked_for_only_where_mail_can_be_sent(shop: Shop, mailing: Shop):
    async with visiting(shop.address, shop.key) as page:
        assert page.ready["mails"] is False
    async with visiting(mailing.address, mailing.key) as page:
        assert page.ready["mails"] is True
        accepted = await page.say("Anybody?")
        assert accepted["here"] is False
        await page.send(type="email", email="anna@example.org")
        assert (await page.hear("team"))["email"] == "anna@example.org"
    [contact] = await mailing.rows(select(Contact))
    assert contact.email == "anna@example.org"


@pytest.mark.parametrize(
    "email", ["", "anna", "anna@", "a@b\r\nBcc: x@example.org", "anna@example.org, b@example.org", "a" * 300 + "@example.org"]
)
async def test_what_is_no_address_is_refused_and_the_chat_goes_on(mailing: Shop, email: str):
    async with visiting(mailing.address, mailing.key) as page:
        await page.say("Anybody?")
        await page.send(type="email", email=email)
        assert (await page.hear("refused"))["code"] in {"invalid", "too_long"}
        await page.say("Still here")


async def test_an_address_that_is_known_does_not_make_the_visitor_that_contact(mailing: Shop):
    async with mailing.database.transaction() as session:
        make = Make(session)
        known = await make.identity(await make.channel(await session.get_one(Workspace, mailing.workspace.id)), name="Anna")
        await session.execute(update(Contact).where(col(Contact.id) == known.contact_id).values(email="anna@example.org"))
    async with visiting(mailing.address, mailing.key) as page:
        await page.say("I say that I am Anna")
        await page.send(type="email", email="Anna@example.org")
        await page.hear("team")
    visitor = (await mailing.rows(select(Contact).where(col(Contact.id) != known.contact_id)))[0]
    assert visitor.email is None


async def test_a_mailed_link_opens_the_chat_in_another_browser_until_it_ends(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        await page.say("Hello?")
    [visitor] = await shop.rows(select(Visitor))
    link = visitors.resume_link(shop.house.vault, shop.channel, visitor, now=shop.house.clock())
    late = visitors.resume_link(shop.house.vault, shop.channel, visitor, now=shop.house.clock() - timedelta(days=31))
    async with httpx.AsyncClient(headers={"Origin": SITE}) as browser:
        token = (await browser.post(shop.path("/resume"), json={"link": link})).json()["token"]
        for wrong in (late, link[:-1], link.replace(f"{visitor.id}.", f"{visitor.id + 1}.", 1), "", "a.b.c.d.e", "1.2"):
            assert (await browser.post(shop.path("/resume"), json={"link": wrong})).status_code == 404, wrong
    async with visiting(shop.address, shop.key, token=token) as resumed:
        assert [line["text"] for line in resumed.ready["messages"]] == ["Hello?"]
    assert token != page.token


async def test_how_soon_the_team_answers_is_told_from_measured_waits_or_not_at_all(shop: Shop):
    async with visiting(shop.address, shop.key) as page:
        assert page.ready["typical"] is None
    async with shop.database.transaction() as session:
        make, begun = Make(session), shop.house.clock() - timedelta(days=1)
        for number in range(11):
            identity = await make.identity(shop.channel)
            conversation = await make.conversation(shop.channel)
            message = await make.message(conversation)
            session.add(
                Wait(
                    workspace_id=shop.workspace.id, channel_id=shop.channel.id, conversation_id=conversation.id, identity_id=identity.id,
                    metric=Metric.FIRST, opened_at=begun, opened_by=message.id, received_at=begun,
                    closed_at=begun + timedelta(minutes=number + 1), outcome=Outcome.ANSWERED,
                )
            )  # fmt: skip
    async with visiting(shop.address, shop.key) as page:
        assert page.ready["typical"] == 360  # the sixth of eleven
