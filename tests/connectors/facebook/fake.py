"""A Page on this machine, with its posts, comments and chats.

https://developers.facebook.com/docs/graph-api/reference/page/feed/, …/reference/object/comments/, …/reference/comment/,
https://developers.facebook.com/docs/messenger-platform/conversations, …/reference/send-api, …/reference/attachment-upload-api,
https://developers.facebook.com/docs/graph-api/webhooks/reference/page/ and …/messenger-platform/reference/webhook-events
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.connectors.meta.fake import MORNING, Call, GraphApi, Json, Refusal, stamp

PAGE = "1001"
ANNA = {"id": "12", "name": "Anna Ash"}
BERND = {"id": "13", "name": "Bernd Bee"}
OURS = {"id": PAGE, "name": "Shop"}
SCOPES = ["pages_messaging", "pages_manage_engagement", "pages_read_engagement", "pages_read_user_content", "pages_manage_metadata"]


@dataclass
class PageApi(GraphApi):
    """What the Graph API tells of one Page."""

    scopes: list[str] = field(default_factory=lambda: list(SCOPES))
    posts: dict[str, list[Json]] = field(default_factory=lambda: {"feed": [], "ads_posts": [], "tagged": []})
    comments: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])  # by post, in the order of time
    chats: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])  # by customer
    next_id: int = 900

    def post(
        self, name: str, text: str = "New flavour", *, edge: str = "feed", by: Json = OURS, at: datetime = MORNING, **more: Any
    ) -> Json:
        given: Json = {"id": name, "message": text, "created_time": stamp(at), "from": by, "status_type": "added_photos"}
        given["permalink_url"] = f"https://www.facebook.com/{name}"
        self.posts[edge].insert(0, given | more)
        return self.posts[edge][0]

    def comment(self, post: str, name: str, text: str, *, by: Json = ANNA, at: datetime = MORNING, parent: str = "", **more: Any) -> Json:
        given: Json = {"id": name, "message": text, "created_time": stamp(at), "from": by, "is_hidden": False}
        given |= {"parent": {"id": parent}} if parent else {}
        self.comments.setdefault(post, []).append(given | more)
        return self.comments[post][-1]

    def message(self, customer: Json, name: str, text: str, *, ours: bool = False, at: datetime = MORNING, **more: Any) -> None:
        sender, to = (OURS, customer) if ours else (customer, OURS)
        given = {"id": name, "message": text, "created_time": stamp(at), "from": sender, "to": {"data": [to]}}
        self.chats.setdefault(customer["id"], []).append(given | more)

    async def answer(self, call: Call) -> Any:
        node, _, edge = call.path.partition("/")
        if call.method == "DELETE":
            return {"success": True}
        if call.method == "POST":
            return self._change(call, edge)
        if call.path == "me":
            return {"id": PAGE, "name": "Shop", "username": "shop", "picture": {"data": {"url": "https://example.org/shop.jpg"}}}
        if edge in self.posts and node == PAGE:
            return {"data": [self._embedded(post, call) for post in self.posts[edge]]}
        if call.path == "me/conversations":
            return self.page(call.path, [self._chat(name) for name in sorted(self.chats, key=self._latest, reverse=True)], call, 25)
        if edge == "messages":
            return self.page(call.path, self.chats[node.removeprefix("t_")][::-1], call, 25)
        if edge == "comments":
            return self._comments(node, call)
        found = [post for posts in self.posts.values() for post in posts if post["id"] == node]
        if not found:
            raise Refusal(100, 33, f"Unsupported get request. Object with ID '{node}' does not exist")
        return found[0]

    def _change(self, call: Call, edge: str) -> Json:
        self.next_id += 1
        if call.path == "me/messages":
            return {"recipient_id": call.content["recipient"].get("id", "12"), "message_id": f"m_{self.next_id}"}
        if call.path == "me/message_attachments":
            return {"attachment_id": f"a{self.next_id}"}
        return {"id": f"55_{self.next_id}"} if edge == "comments" else {"success": True}

    def _embedded(self, post: Json, call: Call) -> Json:
        listed = self.comments.get(post.get("id", ""), [])
        if "comments.filter(stream)" not in call.query.get("fields", "") or not listed:
            return post
        inner: Json = {"data": listed[::-1][:25], "paging": {"cursors": {"after": "25"}}}
        if len(listed) > 25:
            inner["paging"]["next"] = f"https://graph.facebook.com/v25.0/{post['id']}/comments?access_token=secret&after=25"
        return {**post, "comments": inner}

    def _comments(self, node: str, call: Call) -> Json:
        listed = self.comments.get(node, [])
        if call.query.get("summary"):
            return {"data": [], "summary": {"order": "chronological", "total_count": len(listed), "can_comment": True}}
        answers = [one for found in self.comments.values() for one in found if one.get("parent", {}).get("id") == node]
        listed = listed or answers
        return self.page(call.path, listed[::-1] if call.query.get("order") == "reverse_chronological" else listed, call, 25)

    def _chat(self, name: str) -> Json:
        said = self.chats[name][::-1]
        more = {"next": "https://graph.facebook.com/x"} if len(said) > 25 else {}
        messages: Json = {"data": said[:25], "paging": {"cursors": {}, **more}}
        person = next((one["from"] for one in said if one["from"]["id"] == name), {"id": name})
        return {"id": f"t_{name}", "updated_time": self._latest(name), "participants": {"data": [person, OURS]}, "messages": messages}

    def _latest(self, name: str) -> str:
        return max(one["created_time"] for one in self.chats[name])


def notification(*entries: Json) -> Json:
    return {"object": "page", "entry": list(entries)}


def change(value: Json, *, field: str = "feed", at: datetime = MORNING, page: str = PAGE) -> Json:
    return {"id": page, "time": int(at.timestamp()), "changes": [{"field": field, "value": value}]}


def commented(name: str, text: str, *, verb: str = "add", by: Json = ANNA, parent: str = "", at: datetime = MORNING, **more: Any) -> Json:
    """A comment's notification: https://developers.facebook.com/docs/graph-api/webhooks/reference/page/#feed"""
    post = {"status_type": "added_photos", "is_published": True, "updated_time": stamp(at), "id": f"{PAGE}_55"}
    post |= {"permalink_url": f"https://www.facebook.com/{PAGE}_55", "promotion_status": "inactive"}
    value = {"from": by, "post": post, "message": text, "post_id": f"{PAGE}_55", "comment_id": name, "created_time": int(at.timestamp())}
    return value | {"item": "comment", "parent_id": parent or f"{PAGE}_55", "verb": verb} | more


def chat(content: Json, *, by: str = "12", to: str = PAGE, at: datetime = MORNING, page: str = PAGE, box: str = "messaging") -> Json:
    """A direct message's notification: https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messages"""
    milliseconds = int(at.timestamp() * 1000)
    item = {"sender": {"id": by}, "recipient": {"id": to}, "timestamp": milliseconds, **content}
    return {"id": page, "time": int((at + timedelta(seconds=1)).timestamp() * 1000), box: [item]}
