"""An independent client's view of a Discord: run by its own interpreter with the addresses and the token; prints JSON."""

import asyncio
import io
import json
import logging
import sys
from typing import Any

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

FIELDS = ("id", "content", "nonce")


class Client(discord.Client):
    """Notes what it is told, does what it is told to do, and resumes when its connection breaks."""

    def __init__(self, general: int, forum: int) -> None:
        intents = discord.Intents.none()
        intents.guilds = intents.messages = intents.message_content = intents.reactions = True
        super().__init__(intents=intents, max_messages=1000)
        self.general, self.forum = general, forum
        self.seen: list[Any] = []
        self.found: dict[str, Any] = {}
        self.ended = asyncio.Event()

    def note(self, *what: Any) -> None:
        self.seen.append(list(what))

    async def on_ready(self) -> None:
        (guild,) = self.guilds
        channel, forum = guild.get_channel(self.general), guild.get_channel(self.forum)
        self.found["guild"] = [guild.name, guild.owner_id, sorted(role.name for role in guild.roles)]
        self.found["rooms"] = [str(channel), getattr(channel, "topic", None), type(forum).__name__, sorted(map(str, guild.threads))]
        sys.stdout.write("ready\n")
        sys.stdout.flush()

    async def on_message(self, message: discord.Message) -> None:
        if message.author == self.user:
            return
        if message.content == "Now you":
            self.found["did"] = await did(self, message)
            sys.stdout.write("did\n")
            sys.stdout.flush()
        elif message.content == "That is all":
            self.ended.set()
        roles = [role.name for role in getattr(message.author, "roles", []) if role.name != "@everyone"]
        files = [[file.filename, file.content_type, file.size] for file in message.attachments]
        answered = message.reference.message_id if message.reference else None
        place = [str(message.channel.type), str(getattr(message.channel, "parent", None))]
        said = [message.content, message.author.display_name, roles, files, answered, [user.id for user in message.mentions]]
        self.note("message", *said, place, [sticker.name for sticker in message.stickers], [embed.title for embed in message.embeds])

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        await super().on_error(event_method, *args, **kwargs)
        self.ended.set()

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        self.note("edit", payload.message_id, payload.data["content"], bool(payload.message.edited_at))

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        self.note("delete", [payload.message_id])

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        self.note("delete", sorted(payload.message_ids))

    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        self.note("reaction", str(payload.emoji), payload.user_id, payload.message_id, payload.event_type)

    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        self.note("reaction", str(payload.emoji), payload.user_id, payload.message_id, payload.event_type)

    async def on_raw_reaction_clear(self, payload: discord.RawReactionClearEvent) -> None:
        self.note("cleared", payload.message_id)

    async def on_raw_reaction_clear_emoji(self, payload: discord.RawReactionClearEmojiEvent) -> None:
        self.note("cleared", payload.message_id, str(payload.emoji))

    async def on_thread_create(self, thread: discord.Thread) -> None:
        self.note("thread", thread.name, str(thread.parent))

    async def on_resumed(self) -> None:
        self.note("resumed")


async def did(client: Client, asked: discord.Message) -> dict[str, Any]:
    """What the bot may do, through the client."""
    channel = client.get_channel(client.general)
    assert isinstance(channel, discord.TextChannel)
    first = await channel.send("At nine. 😀", nonce="k1", reference=asked, mention_author=True)
    second = await channel.send("Here", file=discord.File(io.BytesIO(b"%PDF"), "paper.pdf"))
    edited = await first.edit(content="At ten.")
    await asked.add_reaction("👍")
    history = [message.id async for message in channel.history(limit=250, after=discord.Object(0))]
    fetched = await channel.fetch_message(second.id)
    direct = await (await client.fetch_user(asked.author.id)).send("In private")
    await second.delete()
    found = {"first": [getattr(first, name) for name in FIELDS], "answers": first.reference and first.reference.message_id}
    found |= {"file": [[file.filename, file.size] for file in fetched.attachments], "edited": edited.content}
    found |= {"history": history, "direct": str(direct.channel.type), "gone": await error(channel.fetch_message(second.id))}
    found["errors"] = [await error(channel.send(text)) for text in ("x" * 2001, " ", "denied", "limited")]
    return found


async def error(call: Any) -> list[Any] | None:
    try:
        await call
    except discord.HTTPException as failed:
        return [type(failed).__name__, failed.status, failed.code]
    return None


async def main(api: str, gateway: str, token: str, general: str, forum: str) -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    Route.BASE = api
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
    async with Client(int(general), int(forum)) as client:
        running = asyncio.create_task(client.start(token))
        ended = asyncio.create_task(client.ended.wait())
        await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        found = client.found | {"seen": client.seen}
        if running.done() and (failed := running.exception()) is not None:
            found["failed"] = [type(failed).__name__, getattr(failed, "code", None)]
        await client.close()
        await asyncio.gather(running, return_exceptions=True)
        ended.cancel()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
