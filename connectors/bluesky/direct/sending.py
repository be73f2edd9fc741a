"""Private answers (https://github.com/bluesky-social/atproto/blob/main/lexicons/chat/bsky/convo/sendMessage.json).

The service knows no keys: whether a message left whose answer was lost is seen by its words, among those said after the attempt began.
"""

from collections import OrderedDict
from datetime import UTC, datetime

from connectors.bluesky import compose
from connectors.bluesky.direct import names
from connectors.bluesky.server import Server
from connectors.bluesky.shapes import Json, as_dict, as_list, as_text
from inbox.contract import Action, Ambiguous, Permanent, Receipt, Reply

LONGEST = 10_000  # bytes, whatever the number of characters
LOOKED_AT = 100  # of the latest messages
MOST_BEGUN = 1000  # replies of which it is known what was there before them
HEART = "❤️"


class Sender:
    """Answers from one account."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._before: OrderedDict[str, str] = OrderedDict()

    async def send(self, reply: Reply) -> Receipt:
        """Say it in the conversation, or in the one with the person whose post is answered in private."""
        if reply.attachments:
            raise Permanent("Private messages on Bluesky take no files.")
        if len(reply.text.encode(errors="replace")) > LONGEST:
            raise Permanent(f"The reply is too long for Bluesky, which takes {LONGEST} bytes.")
        convo = await self._convo(reply)
        message: Json = {"text": reply.text}
        if facets := await compose.facets(self._server, reply.text):
            message["facets"] = facets
        await self._begin(reply.key, convo)
        told = await self._server.change("chat.bsky.convo.sendMessage", {"convoId": convo, "message": message})
        if not as_text(told.get("id")):
            raise Ambiguous("The server took the message, but does not say what became of it.")
        return _receipt(convo, told)

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Look for its words among what we have said; where that says too little, nobody can tell."""
        convo, me = await self._convo(reply), (await self._server.session()).did
        before = self._before.get(reply.key)
        told = await self._messages(convo, LOOKED_AT)
        later = [one for one in told if before is None or _is_later(as_text(one.get("rev")), before)]
        ours = [one for one in later if as_text(as_dict(one.get("sender")).get("did")) == me]
        same = [one for one in ours if as_text(one.get("text")).split() == reply.text.split()]
        if same and before is not None:
            return _receipt(convo, same[-1])
        if same:
            raise Ambiguous("This account has said the same words there: whether that is this reply nobody can tell.")
        if len(later) >= LOOKED_AT:
            raise Ambiguous("Too much was said since then to find the reply again.")
        return None

    async def act(self, action: Action, message_id: str) -> None:
        """Give a heart, or take a message out of the account's own view."""
        name = names.split(message_id)
        about = {"convoId": name.convo, "messageId": name.message}
        if action is Action.LIKE:
            await self._server.change("chat.bsky.convo.addReaction", {**about, "value": HEART})
        elif action is Action.DELETE:
            await self._server.change("chat.bsky.convo.deleteMessageForSelf", about)
        else:
            raise Permanent("Bluesky does not do this to private messages.")

    async def _convo(self, reply: Reply) -> str:
        if names.is_direct(reply.thread_id):
            return names.convo(reply.thread_id)
        if not reply.recipient:
            raise Permanent("Nobody knows whom to answer in private.")
        told = await self._server.get("chat.bsky.convo.getConvoForMembers", members=[reply.recipient])
        found = as_text(as_dict(told.get("convo")).get("id"))
        if not found:
            raise Permanent("Bluesky gives no conversation with this person.")
        return found

    async def _begin(self, key: str, convo: str) -> None:
        """Remember what was the last message before the first attempt."""
        if key in self._before:
            return
        latest = await self._messages(convo, 1)
        self._before[key] = as_text(latest[0].get("rev")) if latest else ""
        if len(self._before) > MOST_BEGUN:
            self._before.popitem(last=False)

    async def _messages(self, convo: str, limit: int) -> list[Json]:
        """The newest first."""
        told = await self._server.get("chat.bsky.convo.getMessages", convoId=convo, limit=limit)
        return [as_dict(one) for one in as_list(told.get("messages"))]


def _is_later(rev: str, before: str) -> bool:
    """Versions are numbers in letters that sort as they do; a longer one is a greater one."""
    return (len(rev), rev) > (len(before), before)


def _receipt(convo: str, told: Json) -> Receipt:
    try:
        at = datetime.fromisoformat(as_text(told.get("sentAt"))).astimezone(UTC)
    except (ValueError, OverflowError):
        at = datetime.now(UTC)
    return Receipt(names.join(convo, as_text(told.get("id"))), at)
