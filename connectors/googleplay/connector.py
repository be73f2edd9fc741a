"""The connector: an app's reviews as a stream, and the one answer to each."""

from typing import ClassVar

from pydantic import BaseModel

from connectors.googleplay.config import GooglePlayConfig
from connectors.googleplay.source import Source
from connectors.reviews.account import Reviews
from inbox.contract import Action, Capabilities, ConversationKind, Verification


class GooglePlay(Reviews):
    """One app on Google Play."""

    name: ClassVar[str] = "googleplay"
    title: ClassVar[str] = "Google Play"
    Config: ClassVar[type[BaseModel]] = GooglePlayConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.REVIEW}),
        max_length=350,
        idempotent_send=True,
        edits_in=True,
        deletes_in=True,
        history=True,
        actions=frozenset({Action.EDIT}),
        one_reply_only=True,
    )

    def __init__(self, config: GooglePlayConfig) -> None:
        super().__init__(Source(config), config.history)
