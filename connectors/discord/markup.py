"""What a message says, in words: names for ids, and words for what has none (https://docs.discord.com/developers/reference#message-formatting)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from connectors.discord.shapes import Embed, File, Message, Said
from inbox.contract import Attachment

TAG = re.compile(r"<(@!?|@&|#|a?:\w+:|t:)(\d+)(?::\w)?>")
RICH = {"rich", "article", "poll_result"}  # embeds that are words of their own; all others only preview an address in the text


Naming = Callable[[str], str]


def words(message: Message, name: Naming) -> str:
    """The whole text. `name`: of a person ("@1"), a role ("&1") or a channel ("#1")."""
    passed_on = [f"Forwarded:\n{_said(snapshot.message, name, has_embeds=True)}" for snapshot in message.message_snapshots]
    poll = message.poll
    asked = ["\n".join([f"[Poll] {poll.question.text}", *(f"– {answer.poll_media.text}" for answer in poll.answers)])] if poll else []
    return "\n\n".join(part for part in (_said(message, name, has_embeds=message.author.bot or False), *passed_on, *asked) if part)


def files(message: Message) -> tuple[Attachment, ...]:
    """All files, those of a message passed on too."""
    said: tuple[Said, ...] = (message, *(snapshot.message for snapshot in message.message_snapshots))
    return tuple(_file(file) for one in said for file in one.attachments if file.url)


def _said(said: Said, name: Naming, *, has_embeds: bool) -> str:
    text = TAG.sub(_named(name), said.content)
    shown = [_embed(embed) for embed in said.embeds if (has_embeds and embed.type in RICH) or not said.content]
    stickers = [f"[Sticker {sticker.name}]" for sticker in said.sticker_items]
    return "\n\n".join(part for part in (text, *shown, *stickers) if part)


def _named(name: Naming) -> Callable[[re.Match[str]], str]:
    def named(found: re.Match[str]) -> str:
        kind, number = found[1], found[2]
        if kind in {"@", "@!"}:
            return f"@{name(f'@{number}')}"
        if kind == "@&":
            return f"@{name(f'&{number}')}"
        if kind == "#":
            return f"#{name(f'#{number}')}"
        if kind == "t:":
            return _time(number) or found[0]
        return kind.removeprefix("a")  # an emoji of a server's own

    return named


def _time(seconds: str) -> str:
    try:
        return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return ""


def _embed(embed: Embed) -> str:
    return "\n".join(part for part in (embed.title, embed.description, embed.url) if part)


def _file(file: File) -> Attachment:
    kind = (file.content_type or "application/octet-stream").partition(";")[0]
    return Attachment(file.filename or file.id, kind, url=file.url, size=file.size)
