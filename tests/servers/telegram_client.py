"""An independent client's view of a Bot API server: run by its own interpreter with the server's address and the token; prints JSON."""

import asyncio
import json
import sys
from collections.abc import Awaitable
from typing import Any

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramAPIError
from aiogram.types import BufferedInputFile, InputMediaDocument, Message, ReactionTypeEmoji, ReplyParameters, Update

FIELDS = ("message_id", "text", "caption", "message_thread_id", "business_connection_id", "media_group_id")


async def main(address: str, token: str) -> None:
    async with Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(address))) as bot:
        me = await bot.get_me()
        found: dict[str, Any] = {"me": [me.id, me.username], "polled": await poll(bot)}
        found |= {"sent": await send(bot), "hook": await hook(bot), "errors": await errors(bot), "conflict": await conflict(bot)}
        sys.stdout.write(json.dumps(found))


async def poll(bot: Bot) -> list[dict[str, Any]]:
    """Everything that waits, some at a time, each read by the client's own models."""
    polled: list[dict[str, Any]] = []
    offset = None
    while updates := await bot.get_updates(offset=offset, limit=10, timeout=0):
        polled += [seen(update) for update in updates]
        offset = updates[-1].update_id + 1
    return polled


def seen(update: Update) -> dict[str, Any]:
    event = update.event
    told: dict[str, Any] = {"kind": update.event_type, "chat": getattr(getattr(event, "chat", None), "id", None)}
    if isinstance(event, Message):
        text = event.text or event.caption or ""
        told |= {"content": str(event.content_type.value), "text": text, "sender": event.from_user and event.from_user.full_name}
        told |= {"entities": [entity.extract_from(text) for entity in event.entities or []], "html": event.html_text if text else ""}
        told |= {"answers": event.reply_to_message and event.reply_to_message.message_id, "link": event.get_url(include_thread_id=True)}
    return told


async def send(bot: Bot) -> dict[str, Any]:
    answers = ReplyParameters(message_id=5, allow_sending_without_reply=True)
    paper = BufferedInputFile(b"%PDF", "paper.pdf")
    text = await bot.send_message(12, "At nine. 😀", reply_parameters=answers)
    topic = await bot.send_message(-1001234, "In the topic", message_thread_id=7)
    business = await bot.send_message(12, "As the owner", business_connection_id="c1")
    document = await bot.send_document(12, paper, caption="Here")
    photo = await bot.send_photo(12, BufferedInputFile(b"\x89PNG", "mug.png"))
    album = await bot.send_media_group(12, [InputMediaDocument(media=paper, caption="Both"), InputMediaDocument(media=paper)])
    assert document.document is not None
    assert photo.photo is not None
    file = await bot.get_file(document.document.file_id)
    content = await bot.download_file(file.file_path or "")
    edited = await bot.edit_message_text("At ten.", chat_id=12, message_id=text.message_id)
    done = [
        await bot.set_message_reaction(12, 5, [ReactionTypeEmoji(emoji="👍")]),
        await bot.delete_message(12, text.message_id),
        await bot.delete_business_messages("c1", [business.message_id]),
    ]
    assert isinstance(edited, Message)
    messages = {"text": text, "topic": topic, "business": business, "document": document, "photo": photo, "edited": edited}
    told = {name: {field: getattr(message, field) for field in FIELDS} for name, message in messages.items()}
    files = {"name": document.document.file_name, "content": (content.read() if content else b"").decode(), "size": file.file_size}
    return told | {"album": [one.media_group_id for one in album], "file": files, "done": done}


async def hook(bot: Bot) -> list[Any]:
    await bot.set_webhook("https://inbox.example/hooks/KEY", secret_token="secret", allowed_updates=["message"])
    url = (await bot.get_webhook_info()).url
    refused = await error(bot.get_updates(timeout=0))
    await bot.delete_webhook()
    return [url, refused, (await bot.get_webhook_info()).url]


async def errors(bot: Bot) -> list[Any]:
    """What the server was told to refuse, in the client's own words."""
    return [await error(bot.send_message(12, "Hi")) for _ in range(4)] + [await error(bot.send_message(-77, "Hi"))]


async def conflict(bot: Bot) -> list[Any]:
    """A second long poll ends the first."""
    first = asyncio.create_task(error(bot.get_updates(timeout=10)))
    await asyncio.sleep(0.3)
    second = asyncio.create_task(error(bot.get_updates(timeout=1)))
    return [await first, await second]


async def error(call: Awaitable[Any]) -> list[Any] | None:
    try:
        await call
    except TelegramAPIError as failed:
        return [type(failed).__name__, getattr(failed, "retry_after", None), getattr(failed, "migrate_to_chat_id", None)]
    return None


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
