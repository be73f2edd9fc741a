"""An account of GoogleBusiness before answers as the documents say."""

from typing import ClassVar

from tests.connectors.conformance import Adapter
from tests.connectors.googlebusiness import fake
from tests.connectors.reviews.fake import Platform
from tests.connectors.reviews.stage import ReviewsAdapter


class GoogleBusinessAdapter(ReviewsAdapter):
    platform: ClassVar[type[Platform]] = fake.Business
    account: ClassVar[str] = "accounts/1234/locations/5678"


ADAPTER: Adapter = GoogleBusinessAdapter()
