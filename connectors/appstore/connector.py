"""The connector: an app's reviews as a stream, and the one answer to each."""

from typing import ClassVar

from pydantic import BaseModel

from connectors.appstore.config import AppStoreConfig
from connectors.appstore.source import Source
from connectors.reviews.account import Reviews
from inbox.contract import Action, Capabilities, ConversationKind, Standing, Verification


class AppStore(Reviews):
    """One app on the App Store."""

    name: ClassVar[str] = "appstore"
    title: ClassVar[str] = "App Store"
    Config: ClassVar[type[BaseModel]] = AppStoreConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.REVIEW}),
        max_length=5970,
        idempotent_send=True,
        edits_in=True,
        deletes_in=True,
        history=True,
        actions=frozenset({Action.EDIT, Action.DELETE}),
        one_reply_only=True,
    )

    def __init__(self, config: AppStoreConfig) -> None:
        self._app = Source(config)
        super().__init__(self._app, config.history)

    @property
    def standing(self) -> Standing:
        return self._app.standing
