"""Discussions, which only the other API knows (https://docs.github.com/en/graphql/guides/using-the-graphql-api-for-discussions).

What it tells is given the shape that webhooks have, so that everything is read alike.
"""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any, cast

from connectors.github.api import MOST_PAGES, Api, Gone, Json
from inbox.contract import Transient

SAID = "id body url createdAt updatedAt lastEditedAt authorAssociation author { login avatarUrl __typename }"
LIST = f"""query($owner: String!, $name: String!, $after: String) {{ repository(owner: $owner, name: $name) {{
  discussions(first: 50, after: $after, orderBy: {{field: UPDATED_AT, direction: DESC}}) {{
    pageInfo {{ hasNextPage endCursor }} nodes {{ number title {SAID} comments {{ totalCount }} }} }} }} }}"""
ONE = f"""query($owner: String!, $name: String!, $number: Int!) {{ repository(owner: $owner, name: $name) {{
  discussion(number: $number) {{ number title {SAID} comments {{ totalCount }} }} }} }}"""
COMMENTS = f"""query($id: ID!, $after: String) {{ node(id: $id) {{ ... on Discussion {{ comments(first: 50, after: $after) {{
  pageInfo {{ hasNextPage endCursor }} nodes {{ {SAID} replies(first: 100) {{ nodes {{ {SAID} }} }} }} }} }} }} }}"""


async def changed(api: Api, repository: str, since: datetime) -> list[Json]:
    """Discussions that have changed since then, the earliest change first."""
    found: list[Json] = []
    after: str | None = None
    for _ in range(MOST_PAGES):
        listed = _inner(await _ask(api, LIST, repository, after=after), "repository", "discussions")
        for node in _nodes(listed):
            if _time(node.get("updatedAt")) < since:
                return found[::-1]
            found.append(shaped(node))
        info = _inner(listed, "pageInfo")
        if not info.get("hasNextPage"):
            break
        after = str(info.get("endCursor"))
    return found[::-1]


async def one(api: Api, repository: str, number: int) -> Json:
    """A discussion by its number."""
    found = _inner(await _ask(api, ONE, repository, number=number), "repository").get("discussion")
    if not isinstance(found, dict):
        raise Gone("The discussion is not there any more, or the token may not see it.")
    return shaped(cast("Json", found))


async def comments(api: Api, discussion: str) -> AsyncGenerator[Json]:
    """All comments of a discussion and the answers to them."""
    after: str | None = None
    for _ in range(MOST_PAGES):
        listed = _inner(await api.graphql(COMMENTS, id=discussion, after=after), "node", "comments")
        for node in _nodes(listed):
            yield shaped(node)
            for reply in _nodes(_inner(node, "replies")):
                yield shaped(reply)
        info = _inner(listed, "pageInfo")
        if not info.get("hasNextPage"):
            return
        after = str(info.get("endCursor"))


def shaped(node: Json) -> Json:
    """As a webhook would tell it. Its last change is that of its words: others are told of by those below it."""
    author = _inner(node, "author")
    user = {"login": author.get("login"), "avatar_url": author.get("avatarUrl"), "type": author.get("__typename")}
    return {
        "number": node.get("number"),
        "title": node.get("title"),
        "body": node.get("body"),
        "html_url": node.get("url"),
        "node_id": node.get("id"),
        "user": user if author.get("login") else None,
        "created_at": node.get("createdAt"),
        "updated_at": node.get("lastEditedAt") or node.get("createdAt"),
        "changed_at": node.get("updatedAt"),
        "author_association": node.get("authorAssociation"),
        "comments": _inner(node, "comments").get("totalCount") or 0,
    }


async def _ask(api: Api, query: str, repository: str, **more: Any) -> Json:
    owner, _, name = repository.partition("/")
    return await api.graphql(query, owner=owner, name=name, **more)


def _inner(given: Json, *path: str) -> Json:
    for name in path:
        found: Any = given.get(name)
        given = cast("Json", found) if isinstance(found, dict) else {}
    return given


def _nodes(listed: Json) -> list[Json]:
    found: Any = listed.get("nodes")
    return [cast("Json", node) for node in cast("list[Any]", found) if isinstance(node, dict)] if isinstance(found, list) else []


def _time(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise Transient("GitHub answered with something that is not what its documents say.") from None
