"""What may be done to a comment (https://developers.google.com/youtube/v3/docs/comments/setModerationStatus, /delete, /update).

`markAsSpam` is no longer supported: spam is rejected. What was rejected can never be published again, so hiding is holding for review.
"""

from collections.abc import Awaitable, Callable

from pydantic import ValidationError

from connectors.rest import objects
from connectors.youtube.api import YouTubeApi
from connectors.youtube.shapes import Comment
from inbox.contract import Action, Permanent

STATUS = {Action.HIDE: "heldForReview", Action.UNHIDE: "published", Action.APPROVE: "published", Action.SPAM: "rejected"}
CONSEQUENCES = {
    Action.HIDE: "It is held for review: nobody but its author and the channel sees it. It can be published again.",
    Action.SPAM: "It is rejected and can never be published again.",
    Action.DELETE: "What the channel wrote is deleted. What others wrote is rejected and can never be published again.",
}


async def act(api: YouTubeApi, action: Action, comment: str, text: str, whoami: Callable[[], Awaitable[str]]) -> None:
    """Do one of the actions. Only its own author can delete a comment: one of somebody else is rejected."""
    if action is Action.EDIT:
        await api.change("PUT", "comments", {"id": comment, "snippet": {"textOriginal": text}}, part="snippet")
    elif action is Action.DELETE and await _author(api, comment) == await whoami():
        await api.change("DELETE", "comments", id=comment)
    elif action in STATUS or action is Action.DELETE:
        await api.change("POST", "comments/setModerationStatus", id=comment, moderationStatus=STATUS.get(action, "rejected"))
    else:
        raise Permanent("YouTube does not know this action.")


async def _author(api: YouTubeApi, comment: str) -> str:
    told = await api.read("comments", part="snippet", id=comment, textFormat="plainText")
    for entry in objects(told.get("items")):
        try:
            return Comment.model_validate(entry).snippet.authorChannelId.value
        except ValidationError:
            break
    raise Permanent("The comment is not there any more.")
