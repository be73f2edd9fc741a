"""The connector: a business's reviews as a stream, and the one answer to each."""

from typing import ClassVar

from pydantic import BaseModel

from connectors.reviews.account import Reviews
from connectors.trustpilot.config import TrustpilotConfig
from connectors.trustpilot.source import Source
from inbox.contract import Action, Capabilities, ConversationKind, Verification


class Trustpilot(Reviews):
    """One business unit on Trustpilot."""

    name: ClassVar[str] = "trustpilot"
    title: ClassVar[str] = "Trustpilot"
    Config: ClassVar[type[BaseModel]] = TrustpilotConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.REVIEW}),
        edits_in=True,
        deletes_in=True,
        history=True,
        actions=frozenset({Action.DELETE}),
        one_reply_only=True,
    )

    def __init__(self, config: TrustpilotConfig) -> None:
        super().__init__(Source(config), config.history)
