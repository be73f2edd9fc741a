"""What a channel's account can do, as its connector and its row tell."""

from collections.abc import Sequence
from dataclasses import replace

import connectors
from inbox.contract import Action, Capabilities, HasTemplates
from inbox.errors import NotFound


def of(platform: str, actions: Sequence[str] | None = None) -> Capabilities:
    """The platform's capabilities, with the account's own `actions` where they are fewer; one whose package is gone can do little."""
    try:
        capabilities = connectors.find(platform).capabilities
    except NotFound:
        return Capabilities()
    return capabilities if actions is None else replace(capabilities, actions=frozenset(Action(action) for action in actions))


def has_templates(platform: str) -> bool:
    """Whether the platform approves texts that it takes outside of its window."""
    try:
        return issubclass(connectors.find(platform), HasTemplates)
    except NotFound:
        return False
