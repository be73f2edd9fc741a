"""What can be done to a message."""

from typing import Any, cast

from connectors.slack import markup
from connectors.slack.api import Api, Json, Refusal
from inbox.contract import Action, Permanent, Transient

LIKE = "+1"


async def act(api: Api, action: Action, message_id: str, text: str) -> None:
    """Like a message, edit or delete one of ours; doing it again does nothing more. Or write to its author alone."""
    channel, _, stamp = message_id.partition(":")
    match action:
        case Action.LIKE:
            await _once(api, "reactions.add", {"channel": channel, "timestamp": stamp, "name": LIKE}, "already_reacted")
        case Action.EDIT:
            await api.call("chat.update", {"channel": channel, "ts": stamp, "text": markup.escape(text)})
        case Action.DELETE:
            await _once(api, "chat.delete", {"channel": channel, "ts": stamp}, "message_not_found")
        case Action.PRIVATE_REPLY:
            chat = await chat_with(api, await _author(api, channel, stamp))
            await api.call("chat.postMessage", {"channel": chat, "text": markup.escape(text)}, sending=True)
        case _:
            raise Permanent("Slack has no such action.")


async def chat_with(api: Api, user: str) -> str:
    """The direct conversation with a person (https://docs.slack.dev/reference/methods/conversations.open)."""
    opened: Any = (await api.call("conversations.open", {"users": user})).get("channel")
    chat = cast("Json", opened).get("id") if isinstance(opened, dict) else None
    if not isinstance(chat, str):
        raise Transient("Slack does not say where the chat with this person is.")
    return chat


async def _once(api: Api, method: str, given: Json, done: str) -> None:
    """`done`: how Slack says that it is so already."""
    try:
        await api.call(method, given)
    except Refusal as refusal:
        if refusal.code != done:
            raise


async def _author(api: Api, channel: str, stamp: str) -> str:
    """Who said it: this method alone tells of any message (https://docs.slack.dev/reference/methods/reactions.get)."""
    told: Any = (await api.read("reactions.get", {"channel": channel, "timestamp": stamp})).get("message")
    user = cast("Json", told).get("user") if isinstance(told, dict) else None
    if not isinstance(user, str) or not user:
        raise Permanent("The message is of nobody who could be written to.")
    return user
