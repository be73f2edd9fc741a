"""The connector: a location's reviews as a stream, and the one answer to each."""

from typing import ClassVar

from pydantic import BaseModel

from connectors.googlebusiness.config import GoogleBusinessConfig
from connectors.googlebusiness.source import Source
from connectors.reviews.account import Reviews
from inbox.contract import Action, Capabilities, ConversationKind, LengthUnit, Verification


class GoogleBusiness(Reviews):
    """One location of a business on Google."""

    name: ClassVar[str] = "googlebusiness"
    title: ClassVar[str] = "Google Business Profile"
    Config: ClassVar[type[BaseModel]] = GoogleBusinessConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.REVIEW}),
        max_length=4096,
        length_unit=LengthUnit.BYTES,
        idempotent_send=True,
        edits_in=True,
        deletes_in=True,
        history=True,
        actions=frozenset({Action.EDIT, Action.DELETE}),
        one_reply_only=True,
    )

    def __init__(self, config: GoogleBusinessConfig) -> None:
        super().__init__(Source(config), config.history)
