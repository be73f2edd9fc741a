"""Who is who in a workspace, and what its channels are called.

Events name people and channels by id only. Names are asked for once and kept by the process, for every connector of the account in it: a
webhook must not ask, and reads what the stream of the same account has learned.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from pydantic import ValidationError

from connectors.slack.api import Api
from connectors.slack.shapes import Channel, User
from inbox.contract import Author, Permanent, RateLimited, Transient

MOST_KNOWN = 5000
MOST_ACCOUNTS = 1000
FRESH = 6 * 3600.0  # seconds before a name is asked for again
ROLES = {
    "is_owner": "owner",
    "is_admin": "admin",
    "is_bot": "bot",
    "is_ultra_restricted": "single-channel guest",
    "is_restricted": "guest",
    "is_stranger": "external",
}


@dataclass(slots=True)
class Directory:
    """What one account knows. `address` is the workspace's, for links."""

    user_id: str = ""
    bot_id: str = ""
    address: str = ""
    users: OrderedDict[str, tuple[float, User | None]] = field(default_factory=OrderedDict[str, "tuple[float, User | None]"])
    channels: dict[str, Channel] = field(default_factory=dict[str, Channel])

    def learn(self, user: User | None, user_id: str = "") -> None:
        """Note a user as the platform describes them; None: it does not tell."""
        self.users[user.id if user else user_id] = (monotonic(), user)
        if len(self.users) > MOST_KNOWN:
            self.users.popitem(last=False)

    async def meet(self, api: Api, ids: Iterable[str]) -> None:
        """Ask about those whom nobody has met (https://docs.slack.dev/reference/methods/users.info). A name is no reason to fail."""
        for user_id in ids:
            since, _ = self.users.get(user_id, (float("-inf"), None))
            if user_id and monotonic() - since > FRESH:
                try:
                    self.learn(User.model_validate((await api.read("users.info", {"user": user_id})).get("user")), user_id)
                except (Permanent, RateLimited, Transient, ValidationError):
                    self.learn(None, user_id)

    def name(self, an_id: str) -> str:
        """What a user or channel is called; its id where nobody knows."""
        channel = self.channels.get(an_id)
        return channel.name if channel and channel.name else self._shown(an_id)

    def author(self, user_id: str, *, is_self: bool) -> Author:
        _, user = self.users.get(user_id, (0.0, None))
        if user is None:
            return Author(user_id, user_id, is_self=is_self)
        roles = tuple(word for flag, word in ROLES.items() if getattr(user, flag))
        picture, email = user.profile.image_72, user.profile.email
        return Author(user_id, self._shown(user_id), user.name or None, picture, is_self, email, roles)

    def _shown(self, user_id: str) -> str:
        _, user = self.users.get(user_id, (0.0, None))
        if user is None:
            return user_id
        profile = user.profile
        return profile.display_name or profile.real_name or user.real_name or user.name or user_id


_directories: OrderedDict[str, Directory] = OrderedDict()


def directory(user_id: str) -> Directory:
    """What this process knows of the account with this user id."""
    found = _directories.setdefault(user_id, Directory(user_id))
    _directories.move_to_end(user_id)
    if len(_directories) > MOST_ACCOUNTS:
        _directories.popitem(last=False)
    return found


async def whoami(api: Api) -> tuple[Directory, str]:
    """The account, and what it is called (https://docs.slack.dev/reference/methods/auth.test)."""
    told: dict[str, Any] = await api.call("auth.test")
    user_id = str(told.get("user_id") or "")
    if not user_id:
        raise Transient("Slack does not say whose token it is.")
    known = directory(user_id)
    known.bot_id = str(told.get("bot_id") or "")
    address = str(told.get("url") or "")
    known.address = address if address.startswith("https://") else ""
    return known, f"{told.get('user') or user_id} ({told.get('team') or told.get('team_id') or 'Slack'})"
