"""What a reply looks like as a post: Markdown, and where it goes."""

from connectors.discourse.forum import Forum
from inbox.contract import Reply

UNSAFE = {ord(sign): " " for sign in "[]|\n"}  # in the name of a file


def place(reply: Reply) -> tuple[str, int | None]:
    """The topic, and the number of the post answered."""
    topic, _, number = (reply.parent_id or "").partition("/")
    return reply.thread_id or topic, int(number) if number.isdecimal() else None


async def words(forum: Forum, reply: Reply) -> str:
    """The words as typed, with each file named in the forum's own way after them."""
    named: list[str] = []
    for file in reply.attachments:
        name, is_picture = file.name.translate(UNSAFE), file.media_type.startswith("image/")
        named.append(f"{'!' if is_picture else ''}[{name}{'' if is_picture else '|attachment'}]({await forum.upload(file)})")
    return "\n\n".join(part for part in (reply.text, "\n".join(named)) if part)
