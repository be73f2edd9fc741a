"""A professional account on this machine.

https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user, …/ig-media, …/ig-comment,
https://developers.facebook.com/docs/graph-api/webhooks/reference/instagram,
https://developers.facebook.com/documentation/instagram-platform/webhooks/examples
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.connectors.meta.fake import MORNING, Call, GraphApi, Json, Refusal, stamp

ACCOUNT = "17841400000000001"
ANNA = {"id": "12", "username": "anna.ash"}
BERND = {"id": "13", "username": "bernd"}
OURS = {"id": ACCOUNT, "username": "shop", "self_ig_scoped_id": "99"}
SCOPES = ["instagram_basic", "instagram_manage_comments", "instagram_manage_messages", "pages_manage_metadata"]


@dataclass
class AccountApi(GraphApi):
    """What the Graph API tells of one account."""

    scopes: list[str] = field(default_factory=lambda: list(SCOPES))
    media: list[Json] = field(default_factory=list[Json])
    tags: list[Json] = field(default_factory=list[Json])
    comments: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])  # by post, in the order of time
    replies: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])  # by comment
    chats: list[Json] = field(default_factory=list[Json])
    mentions: dict[str, Json] = field(default_factory=dict[str, Json])
    next_id: int = 900

    def post(self, name: str = "55", caption: str = "New flavour", *, at: datetime = MORNING, **more: Any) -> None:
        shape = {"id": name, "caption": caption, "media_type": "IMAGE", "media_url": f"https://cdn.example/{name}.jpg", "username": "shop"}
        self.media.insert(0, shape | {"permalink": f"https://www.instagram.com/p/{name}/", "timestamp": stamp(at)} | more)

    def comment(
        self, name: str, text: str, *, by: Json = ANNA, at: datetime = MORNING, post: str = "55", to: str = "", **more: Any
    ) -> None:
        shape = {"id": name, "text": text, "timestamp": stamp(at), "username": by["username"], "from": by, "hidden": False} | more
        if to:
            self.replies.setdefault(to, []).append(shape)
        else:
            self.comments.setdefault(post, []).append(shape)

    async def answer(self, call: Call) -> Any:
        node, _, edge = call.path.partition("/")
        if call.method != "GET":
            return self._change(call, edge)
        fields = call.query.get("fields", "")
        if call.path == ACCOUNT and fields.startswith("mentioned_"):
            kind, name = fields.partition(".")[0], fields.partition("(")[2].partition(")")[0]
            if name not in self.mentions:
                raise Refusal(100, 33, "The comment does not exist")
            return {kind: self.mentions[name], "id": ACCOUNT}
        if call.path == ACCOUNT:
            return {"id": ACCOUNT, "username": "shop", "name": "The Shop", "profile_picture_url": "https://cdn.example/shop.jpg"}
        if edge == "media":
            return {"data": [self._embedded(one) for one in self.media]}
        if edge == "tags":
            return {"data": self.tags}
        if edge in {"conversations", "comments", "replies"}:
            return self._listed(call, node, edge)
        found = next((one for one in self.media if one["id"] == node), None)
        if found is None:
            raise Refusal(100, 33, f"Object with ID '{node}' does not exist")
        return found | {"comments_count": len(self.comments.get(node, []))}

    def _listed(self, call: Call, node: str, edge: str) -> Json:
        if edge == "conversations":
            return self.page(call.path, self.chats, call, 25)
        if edge == "replies":
            return self.page(call.path, self.replies.get(node, []), call, 50)
        return self.page(call.path, [self._whole(one) for one in self.comments.get(node, [])[::-1]], call, 50)

    def _change(self, call: Call, edge: str) -> Json:
        self.next_id += 1
        if call.path == "me/messages":
            return {"recipient_id": "12", "message_id": f"mid.{self.next_id}"}
        if call.path == "me/message_attachments":
            return {"attachment_id": f"a{self.next_id}"}
        return {"id": str(self.next_id)} if edge in {"replies", "mentions"} else {"success": True}

    def _whole(self, comment: Json) -> Json:
        replies = self.replies.get(comment["id"])
        return comment | ({"replies": {"data": replies}} if replies else {})

    def _embedded(self, media: Json) -> Json:
        listed = [self._whole(one) for one in self.comments.get(media.get("id", ""), [])[::-1]]
        if not listed:
            return media
        more = {"next": "https://graph.facebook.com/x"} if len(listed) > 50 else {}
        return media | {"comments": {"data": listed[:50], "paging": {"cursors": {}, **more}}}


def notification(*entries: Json) -> Json:
    return {"object": "instagram", "entry": list(entries)}


def change(value: Json, *, field: str = "comments", at: datetime = MORNING, account: str = ACCOUNT) -> Json:
    return {"id": account, "time": int(at.timestamp()), "changes": [{"field": field, "value": value}]}


def commented(name: str, text: str, *, by: Json = ANNA, **more: Any) -> Json:
    return {"from": by, "media": {"id": "55", "media_product_type": "FEED"}, "id": name, "text": text} | more


def chat(content: Json, *, by: str = "12", to: str = ACCOUNT, at: datetime = MORNING, account: str = ACCOUNT) -> Json:
    milliseconds = int(at.timestamp() * 1000)
    item = {"sender": {"id": by}, "recipient": {"id": to}, "timestamp": milliseconds, **content}
    return {"id": account, "time": milliseconds, "messaging": [item]}
