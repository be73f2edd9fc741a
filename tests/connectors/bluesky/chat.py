"""The chat service behind the account's server, as its lexicons say: its software is not published.

Each shape follows its page of https://github.com/bluesky-social/atproto/tree/main/lexicons/chat/bsky/convo. What no lexicon says: asked
without a cursor the log begins now (https://github.com/bluesky-social/atproto/issues/2760), and a message is deleted only for those who
delete it.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.bluesky import ids

Json = dict[str, Any]
DEFS = "chat.bsky.convo.defs#"
MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Denied(Exception):
    """An error of a lexicon, by its name."""


@dataclass
class Chat:
    """One account's conversations, and the log of what happened in them."""

    me: Json
    convos: dict[str, Json] = field(default_factory=dict[str, Json])
    messages: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])
    log: list[Json] = field(default_factory=list[Json])
    page: int = 50  # lines of the log at once
    is_forgetful: bool = False  # knows no cursor any more
    begins_with: bool = False  # tells the line of the cursor itself once more
    lost_answers: int = 0  # to messages that were taken
    _revs: int = 0

    def between(self, *others: Json, status: str = "accepted", name: str = "") -> str:
        """defs#convoView, direct or of a group."""
        convo = name or f"with-{others[0]['handle'].partition('.')[0]}"
        if convo not in self.convos:
            kind: Json = {"$type": f"{DEFS}directConvo"}
            if len(others) > 1:
                kind = {"$type": f"{DEFS}groupConvo", "name": "All of us", "memberCount": len(others) + 1, "lockStatus": "unlocked"}
            members = [self.me, *others]
            self.convos[convo] = {"id": convo, "members": members, "muted": False, "status": status, "unreadCount": 0, "kind": kind}
            self.messages[convo] = []
            self.tell("logBeginConvo", convo)
        return convo

    def say(self, by: Json, text: str, *, convo: str = "", at: datetime | None = None, **more: Any) -> Json:
        """defs#messageView, and the line of the log that tells of it."""
        convo = convo or self.between(by, status="request")
        at = at or MORNING + timedelta(seconds=self._revs)
        message = {"$type": f"{DEFS}messageView", "id": f"m{self._revs}", "rev": self._rev(), "text": text, "sender": {"did": by["did"]}}
        message |= {"sentAt": at.isoformat(timespec="milliseconds").replace("+00:00", "Z")} | more
        self.messages[convo].append(message)
        self.tell("logCreateMessage", convo, message=message, relatedProfiles=[by])
        return message

    def react(self, by: Json, convo: str, message: Json, value: str) -> None:
        """defs#reactionView, at the end of those that the message has."""
        found = {"value": value, "sender": {"did": by["did"]}, "createdAt": f"2026-03-02T09:00:{self._revs % 60:02}.000Z"}
        message["reactions"] = [*message.get("reactions", []), found]
        self.tell("logAddReaction", convo, message=dict(message), reaction=found, relatedProfiles=[by])

    def take_back(self, by: Json, convo: str, message: Json, value: str) -> None:
        (found,) = (one for one in message["reactions"] if (one["value"], one["sender"]["did"]) == (value, by["did"]))
        message["reactions"] = [one for one in message["reactions"] if one is not found]
        self.tell("logRemoveReaction", convo, message=dict(message), reaction=found, relatedProfiles=[by])

    def delete(self, convo: str, message: Json) -> Json:
        """defs#deletedMessageView"""
        gone = {name: message[name] for name in ("id", "rev", "sender", "sentAt")} | {"$type": f"{DEFS}deletedMessageView"}
        self.messages[convo] = [gone if one["id"] == message["id"] else one for one in self.messages[convo]]
        self.tell("logDeleteMessage", convo, message=gone)
        return gone

    def tell(self, kind: str, convo: str, **more: Any) -> None:
        """A line of the log."""
        self.log.append({"$type": f"{DEFS}{kind}", "rev": self._rev(), "convoId": convo, **more})

    def read(self, method: str, asked: Any) -> Json:
        match method.removeprefix("chat.bsky.convo."):
            case "getLog":
                return self._logged(asked.get("cursor"))
            case "listConvos":
                return {"convos": [self._shown(name) for name in self.convos][: int(asked.get("limit", 50))]}
            case "getConvo":
                return {"convo": self._shown(asked["convoId"])}
            case "getConvoForMembers":
                (other,) = (one for one in asked.getlist("members") if one != self.me["did"])
                found = [name for name, convo in self.convos.items() if len(convo["members"]) == 2 and convo["members"][1]["did"] == other]
                if not found:
                    raise Denied("NotFollowedBySender")
                return {"convo": self._shown(found[0])}
            case "getMessages":
                if asked["convoId"] not in self.messages:
                    raise Denied("InvalidConvo")
                return {"messages": self.messages[asked["convoId"]][::-1][: int(asked.get("limit", 50))]}
            case _:
                raise Denied("MethodNotImplemented")

    def write(self, method: str, asked: Json) -> Json | None:
        """None: it was taken, and the answer is lost."""
        convo = asked["convoId"]
        if convo not in self.messages:
            raise Denied("InvalidConvo")
        if method == "chat.bsky.convo.sendMessage":
            message = self.say(
                self.me, asked["message"]["text"], convo=convo, at=datetime.now(UTC), facets=asked["message"].get("facets", [])
            )
            if self.lost_answers:
                self.lost_answers -= 1
                return None
            return message
        (message,) = (one for one in self.messages[convo] if one["id"] == asked["messageId"])
        if method == "chat.bsky.convo.deleteMessageForSelf":
            return self.delete(convo, message)
        assert method == "chat.bsky.convo.addReaction"
        if asked["value"] not in [one["value"] for one in message.get("reactions", []) if one["sender"]["did"] == self.me["did"]]:
            self.react(self.me, convo, message, asked["value"])
        return {"message": message}

    def _logged(self, cursor: str | None) -> Json:
        now = ids.tid(self._revs)
        if cursor is None:
            return {"cursor": now, "logs": []}
        if self.is_forgetful:
            raise Denied("InvalidRequest")
        found = [line for line in self.log if line["rev"] > cursor or (self.begins_with and line["rev"] == cursor)][: self.page]
        return {"cursor": found[-1]["rev"] if found else cursor, "logs": found}

    def _shown(self, name: str) -> Json:
        if name not in self.convos:
            raise Denied("InvalidConvo")
        last = {"lastMessage": self.messages[name][-1]} if self.messages[name] else {}
        return {**self.convos[name], "rev": ids.tid(self._revs)} | last

    def _rev(self) -> str:
        self._revs += 1
        return ids.tid(self._revs)
