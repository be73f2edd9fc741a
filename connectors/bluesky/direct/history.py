"""What was said in private before the reading began.

https://github.com/bluesky-social/atproto/blob/main/lexicons/chat/bsky/convo/listConvos.json and …/getMessages.json: conversations with the
latest news first, and messages from the newest back.
"""

from connectors.bluesky.direct.parse import KIND, MESSAGE
from connectors.bluesky.direct.shapes import is_group, kind
from connectors.bluesky.server import Server
from connectors.bluesky.shapes import Json, as_dict, as_list, as_text

MOST_CONVOS = 100  # of a page: never fewer than messages are wanted
MOST_MESSAGES = 100


async def latest(server: Server, wanted: int) -> tuple[list[Json], list[Json]]:
    """The conversations of two, and their newest messages as lines of the log, the oldest first."""
    if not wanted:
        return [], []
    told = await server.get("chat.bsky.convo.listConvos", limit=MOST_CONVOS)
    convos = [convo for convo in map(as_dict, as_list(told.get("convos"))) if as_text(convo.get("id")) and not is_group(convo)]
    convos.sort(key=lambda convo: _moment(as_dict(convo.get("lastMessage"))), reverse=True)
    found: list[Json] = []
    for convo in convos:
        if len(found) >= wanted and _moment(as_dict(convo.get("lastMessage"))) <= _moment(found[wanted - 1]["message"]):
            break  # nothing in it, or in those after it, is among the newest
        told = await server.get("chat.bsky.convo.getMessages", convoId=as_text(convo["id"]), limit=min(wanted, MOST_MESSAGES))
        found += [_line(as_text(convo["id"]), message) for message in map(as_dict, as_list(told.get("messages"))) if _is_message(message)]
        found.sort(key=lambda line: _moment(line["message"]), reverse=True)
    return convos, found[:wanted][::-1]


def _line(convo: str, message: Json) -> Json:
    return {"$type": f"{KIND}{MESSAGE}", "rev": message.get("rev"), "convoId": convo, "message": message}


def _is_message(told: Json) -> bool:
    """Neither deleted nor said by the service itself."""
    return kind(told) not in {"deletedMessageView", "systemMessageView"}


def _moment(message: Json) -> str:
    """When it was said, as text that sorts: the service writes all its times the same way."""
    return as_text(message.get("sentAt"))
