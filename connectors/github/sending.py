"""Replies and actions.

https://docs.github.com/en/rest/issues/comments, /rest/reactions; https://docs.github.com/en/graphql/reference/mutations for discussions and
for hiding.
"""

from contextlib import aclosing
from typing import Any, cast

from pydantic import ValidationError

from connectors.github import discussions, parse
from connectors.github.api import Api, Gone, Json
from connectors.github.shapes import Remark
from inbox.contract import Action, Ambiguous, Permanent, Receipt, Reply, Transient

ADD = """mutation($discussion: ID!, $body: String!, $parent: ID) { addDiscussionComment(
  input: {discussionId: $discussion, body: $body, replyToId: $parent}) { comment { id url createdAt } } }"""
PARENT = "query($id: ID!) { node(id: $id) { ... on DiscussionComment { id replyTo { id } } } }"
LIKE = "mutation($id: ID!) { addReaction(input: {subjectId: $id, content: THUMBS_UP}) { reaction { id } } }"
EDIT = {
    "": "mutation($id: ID!, $body: String!) { updateDiscussion(input: {discussionId: $id, body: $body}) { discussion { id } } }",
    "#": "mutation($id: ID!, $body: String!) { updateDiscussionComment(input: {commentId: $id, body: $body}) { comment { id } } }",
}
DELETE = "mutation($id: ID!) { deleteDiscussionComment(input: {id: $id}) { comment { id } } }"
HIDE = """mutation($id: ID!, $why: ReportedContentClassifiers!) {
  minimizeComment(input: {subjectId: $id, classifier: $why}) { minimizedComment { isMinimized } } }"""
SHOW = "mutation($id: ID!) { unminimizeComment(input: {subjectId: $id}) { unminimizedComment { isMinimized } } }"


async def send(api: Api, repository: str, reply: Reply) -> Receipt:
    """A comment, with the reply's key where nobody sees it."""
    if not reply.text.strip():
        raise Permanent("GitHub takes no empty comment.")
    if reply.attachments or reply.private:
        raise Permanent("GitHub takes neither files nor private answers by its API.")
    kind, number, _ = parse.split(reply.thread_id or reply.parent_id or reply.post_id or "")
    body = parse.marked(reply.text, reply.key).encode(errors="replace").decode()
    if kind == parse.ISSUES:
        told: Any = await api.change("POST", f"issues/{number}/comments", {"body": body})
    else:
        discussion = str((await discussions.one(api, repository, number))["node_id"])
        parent = await _parent(api, reply.parent_id)
        answer = await api.graphql(ADD, sending=True, discussion=discussion, body=body, parent=parent)
        told = _commented(answer)
    return _receipt(kind, number, told)


async def find(api: Api, repository: str, reply: Reply) -> Receipt | None:
    """The comment that carries the reply's key."""
    kind, number, _ = parse.split(reply.thread_id or reply.parent_id or reply.post_id or "")
    found: list[Json] = []
    if kind == parse.ISSUES:
        async with aclosing(api.pages(f"issues/{number}/comments")) as pages:
            found = [entry async for page in pages for entry in page]
    else:
        discussion = str((await discussions.one(api, repository, number))["node_id"])
        async with aclosing(discussions.comments(api, discussion)) as remarks:
            found = [entry async for entry in remarks]
    ours = [entry for entry in found if parse.words(str(entry.get("body") or ""))[1] == reply.key]
    return _receipt(kind, number, ours[-1]) if ours else None


async def act(api: Api, repository: str, action: Action, message_id: str, text: str) -> None:
    """Like, hide, show, edit or delete; doing it again does nothing more."""
    kind, number, comment = parse.split(message_id)
    path = f"issues/comments/{comment}" if comment else f"issues/{number}"
    is_issue = kind == parse.ISSUES
    match action:
        case Action.LIKE if is_issue:
            await api.change("POST", f"{path}/reactions", {"content": "+1"})
        case Action.EDIT if is_issue:
            await api.change("PATCH", path, {"body": text})
        case Action.DELETE if is_issue and comment:
            await _delete(api, path)
        case Action.LIKE | Action.EDIT | Action.HIDE | Action.UNHIDE | Action.SPAM | Action.DELETE:
            if not comment and action not in {Action.LIKE, Action.EDIT}:
                raise Permanent("GitHub hides and deletes comments, not what they stand under.")
            await _by_name(api, action, await _name(api, repository, kind, number, comment), comment, text)
        case _:
            raise Permanent("GitHub has no such action.")


async def _by_name(api: Api, action: Action, name: str, comment: str, text: str) -> None:
    match action:
        case Action.LIKE:
            await api.graphql(LIKE, id=name)
        case Action.EDIT:
            await api.graphql(EDIT["#" if comment else ""], id=name, body=text)
        case Action.DELETE:
            try:
                await api.graphql(DELETE, id=name)
            except Gone:
                return
        case Action.UNHIDE:
            await api.graphql(SHOW, id=name)
        case _:
            await api.graphql(HIDE, id=name, why="SPAM" if action is Action.SPAM else "OFF_TOPIC")


async def _delete(api: Api, path: str) -> None:
    try:
        await api.change("DELETE", path)
    except Gone:  # it was done before
        return


async def _name(api: Api, repository: str, kind: str, number: int, comment: str) -> str:
    """What the other API calls a message."""
    if kind == parse.DISCUSSIONS:
        return comment or str((await discussions.one(api, repository, number))["node_id"])
    told: Any = await api.get(f"issues/comments/{comment}")
    name = cast("Json", told).get("node_id") if isinstance(told, dict) else None
    if not isinstance(name, str):
        raise Transient("GitHub does not say what the comment is called.")
    return name


async def _parent(api: Api, message_id: str | None) -> str | None:
    """The comment to answer under: answers have no answers of their own. One that is gone is answered all the same."""
    name = parse.split(message_id)[2] if message_id else ""
    if not name:
        return None
    try:
        node: Any = (await api.graphql(PARENT, id=name)).get("node")
    except Gone:
        return None
    if not isinstance(node, dict):
        return None
    above: Any = cast("Json", node).get("replyTo")
    return str(cast("Json", above).get("id")) if isinstance(above, dict) else name


def _commented(answer: Json) -> Json:
    added: Any = answer.get("addDiscussionComment")
    comment: Any = cast("Json", added).get("comment") if isinstance(added, dict) else None
    return discussions.shaped(cast("Json", comment)) if isinstance(comment, dict) else {}


def _receipt(kind: str, number: int, told: Any) -> Receipt:
    try:
        remark = Remark.model_validate(told)
        event = parse.remark(kind, number, remark, {})
    except (ValidationError, ValueError):
        raise Ambiguous("GitHub's answer does not tell what became of the reply.") from None
    return Receipt(event.message_id, remark.created_at, event.permalink)
