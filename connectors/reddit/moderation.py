"""What may be done to a comment or a post (https://www.reddit.com/dev/api#section_moderation)."""

from connectors.reddit import listing
from connectors.reddit.api import RedditApi
from connectors.reddit.parse import Account
from connectors.rest import inner
from inbox.contract import Action, Permanent

FORMS: dict[Action, tuple[str, dict[str, str]]] = {
    Action.LIKE: ("/api/vote", {"dir": "1"}),
    Action.APPROVE: ("/api/approve", {}),
    Action.UNHIDE: ("/api/approve", {}),
    Action.HIDE: ("/api/remove", {"spam": "false"}),
    Action.SPAM: ("/api/remove", {"spam": "true"}),
}
ACTIONS = frozenset({*FORMS, Action.EDIT, Action.DELETE})
CONSEQUENCES = {
    Action.LIKE: "A vote up; nobody is told whose it is.",
    Action.HIDE: "It is removed, as moderators do: only its author and moderators still see it. It can be approved again.",
    Action.SPAM: "It is removed, and Reddit's filter learns from it.",
    Action.DELETE: "What the account wrote is deleted. What others wrote is removed, as moderators do, and can be approved again.",
}


async def act(api: RedditApi, action: Action, name: str, text: str, me: Account) -> None:
    """Do one of the actions. Only its own author can delete a comment: a moderator removes one of somebody else."""
    if name.startswith("t4_"):
        raise Permanent("Reddit offers nothing to do to a private message.")
    if action is Action.EDIT:
        await api.change("/api/editusertext", {"thing_id": name, "text": text})
    elif action is Action.DELETE:
        is_ours = me.is_(await _author(api, name))
        await api.change("/api/del" if is_ours else "/api/remove", {"id": name} | ({} if is_ours else {"spam": "false"}))
    elif action in FORMS:
        path, form = FORMS[action]
        await api.change(path, {"id": name, **form})
    else:
        raise Permanent("Reddit does not know this action.")


async def _author(api: RedditApi, name: str) -> str:
    told = await api.get("/api/info", id=name)
    for thing in listing.readable(inner(told, "data", "children")):
        return thing.author
    raise Permanent("It is not there any more.")
