"""An account of AppStore before answers as the documents say."""

from typing import ClassVar

from tests.connectors.appstore import fake
from tests.connectors.conformance import Adapter
from tests.connectors.reviews.fake import Platform
from tests.connectors.reviews.stage import ReviewsAdapter


class AppStoreAdapter(ReviewsAdapter):
    platform: ClassVar[type[Platform]] = fake.Store
    account: ClassVar[str] = "1234567890"


ADAPTER: Adapter = AppStoreAdapter()
