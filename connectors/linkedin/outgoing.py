"""What a reply and the actions look like.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/comments-api#create-a-comment, …/shares/reactions-api
"""

from datetime import UTC, datetime

from pydantic import ValidationError

from connectors.linkedin import parse
from connectors.linkedin.api import LinkedInApi, quoted
from connectors.linkedin.shapes import Comment, comment_urn, parts
from connectors.rest import Json, parsed
from inbox.contract import Action, Ambiguous, Permanent, Receipt, Reply


async def send(api: LinkedInApi, me: str, reply: Reply) -> Receipt:
    """A comment under the one that began the thread."""
    post, _ = _parts(reply.thread_id)
    content: Json = {"actor": me, "object": post, "parentComment": reply.thread_id, "message": {"text": reply.text}}
    response = await api.change("POST", f"socialActions/{quoted(reply.thread_id)}/comments", content)
    told = parsed(response)
    try:
        sent = Comment.model_validate(told)
        return Receipt(sent.commentUrn, sent.created.time, parse.permalink(sent.commentUrn, post))
    except ValidationError:
        pass
    number = str(told.get("id") or response.headers.get("x-restli-id") or "")
    if not number.isdecimal():
        raise Ambiguous("LinkedIn took the reply, but does not say what became of it.")
    name = comment_urn(f"urn:li:comment:({post},{number})")
    return Receipt(name, datetime.now(UTC), parse.permalink(name, post))


async def act(api: LinkedInApi, me: str, action: Action, comment: str, text: str) -> None:
    """Do one of the actions, as the page."""
    post, number = _parts(comment)
    path = f"socialActions/{quoted(post)}/comments/{number}?actor={quoted(me)}"
    if action is Action.LIKE:
        await api.change("POST", f"reactions?actor={quoted(me)}", {"root": comment, "reactionType": "LIKE"})
    elif action is Action.EDIT:
        patch: Json = {"patch": {"message": {"$set": {"text": text}}}}
        await api.change("POST", path, patch, **{"x-restli-method": "PARTIAL_UPDATE"})
    elif action is Action.DELETE:
        await api.change("DELETE", path)
    else:
        raise Permanent("LinkedIn does not know this action.")


def _parts(comment: str) -> tuple[str, str]:
    try:
        return parts(comment)
    except ValueError:
        raise Permanent("This is no comment on LinkedIn.") from None
