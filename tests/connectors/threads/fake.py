"""A Threads profile on this machine.

https://developers.facebook.com/docs/threads/threads-media, …/reply-management, …/threads-mentions, …/posts, …/webhooks,
…/get-started/long-lived-tokens, …/retrieve-and-manage-replies/replies-and-conversations
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.connectors.meta.fake import APP_SECRET, MORNING, TOKEN, VERIFY_TOKEN, Call, GraphApi, Json, Refusal, stamp

USER = "78901"


@dataclass
class ProfileApi(GraphApi):
    """What the Threads API tells of one profile."""

    wants_proof: bool = False
    expires_at: int = field(default_factory=lambda: int((datetime.now(UTC) + timedelta(days=50)).timestamp()))
    posts: list[Json] = field(default_factory=list[Json])
    replies: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])  # by post, in the order of time
    mentions: list[Json] = field(default_factory=list[Json])
    own: list[Json] = field(default_factory=list[Json])
    statuses: list[str] = field(default_factory=list[str])  # of what is made ready; then it is finished
    next_token: str = "THAnew-hunter3-hunter3"
    next_id: int = 900

    def post(self, name: str = "55", text: str = "New flavour", *, at: datetime = MORNING, **more: Any) -> None:
        self.posts.insert(0, media(name, text, by="shop", at=at, has_replies=True) | more)

    def reply(
        self, name: str, text: str, *, by: str = "anna", to: str = "55", at: datetime = MORNING, post: str = "55", **more: Any
    ) -> None:
        shape = media(name, text, by=by, at=at, replied_to={"id": to}, root_post={"id": post}, is_reply_owned_by_me=by == "shop")
        self.replies.setdefault(post, []).append(shape | {"hide_status": "NOT_HUSHED"} | more)

    async def take(self, request: Any) -> Response:
        if request.path_params["path"] == "debug_token":  # the profile's own token asks
            is_valid = request.query_params.get("input_token") == self.token
            if request.headers.get("authorization") != f"Bearer {self.token}":
                return Refusal(190, status=401).response
            return JSONResponse({"data": {"type": "USER", "is_valid": is_valid, "expires_at": self.expires_at, "scopes": []}})
        return await super().take(request)

    async def answer(self, call: Call) -> Any:
        node, _, edge = call.path.partition("/")
        if call.method != "GET":
            return self._change(call, edge)
        if call.path == "refresh_access_token":
            self.token = self.next_token
            return {"access_token": self.next_token, "token_type": "bearer", "expires_in": 5183944}
        if edge == "conversation":
            listed = self.replies.get(node, [])
            return self.page(call.path, listed[::-1] if call.query.get("reverse") == "true" else listed, call, 25)
        lists = {"threads": self.posts, "mentions": self.mentions, "replies": self.own}
        if node == USER and edge in lists:
            return {"data": lists[edge]}
        if edge == "threads_publishing_limit":
            return {"data": [{"reply_quota_usage": 3, "reply_config": {"quota_total": 1000, "quota_duration": 86400}}]}
        return self._node(node)

    def _node(self, node: str) -> Json:
        if node == "me":
            return {"id": USER, "username": "shop", "name": "The Shop", "threads_profile_picture_url": "https://cdn.example/shop.jpg"}
        if node.startswith("c"):
            return {"id": node, "status": self.statuses.pop(0) if self.statuses else "FINISHED", "error_message": "INVALID_TEXT"}
        found = next((one for one in self.posts if one["id"] == node), None)
        if found is None:
            raise Refusal(100, 33, f"Object with ID '{node}' does not exist")
        return found

    def _change(self, call: Call, edge: str) -> Json:
        self.next_id += 1
        if edge == "threads":
            return {"id": f"c{self.next_id}"}
        return {"id": str(self.next_id)} if edge == "threads_publish" else {"success": True}


def media(name: str, text: str, *, by: str = "anna", at: datetime = MORNING, **more: Any) -> Json:
    url = f"https://www.threads.net/@{by}/post/{name}"
    return {"id": name, "text": text, "username": by, "permalink": url, "timestamp": stamp(at), "media_type": "TEXT_POST", **more}


def notification(value: Json, *, field: str = "replies", target: str = "55", at: datetime = MORNING) -> Json:
    """https://developers.facebook.com/docs/threads/webhooks#notification-formats"""
    topic = "moderate" if field in {"replies", "delete"} else "interaction"
    shell = {"app_id": "4711", "topic": topic, "target_id": target, "time": int(at.timestamp()), "subscription_id": "1"}
    return {**shell, "has_uid_field": False, "values": {"value": value, "field": field}}


def replied(name: str, text: str, *, by: str = "anna", to: str = "55", owner: str = USER, at: datetime = MORNING, **more: Any) -> Json:
    root = {"id": "55", "owner_id": owner, "username": "shop"}
    return notification(media(name, text, by=by, at=at, replied_to={"id": to}, root_post=root, shortcode="Pp", **more), target=name)


def config(address: str) -> Json:
    return {"app_secret": APP_SECRET, "verify_token": VERIFY_TOKEN, "access_token": TOKEN, "user_id": USER, "api_url": address}
