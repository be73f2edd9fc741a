"""An account of GooglePlay before answers as the documents say."""

from typing import ClassVar

from tests.connectors.conformance import Adapter
from tests.connectors.googleplay import fake
from tests.connectors.reviews.fake import Platform
from tests.connectors.reviews.stage import ReviewsAdapter


class GooglePlayAdapter(ReviewsAdapter):
    platform: ClassVar[type[Platform]] = fake.Play
    account: ClassVar[str] = "com.example.bread"


ADAPTER: Adapter = GooglePlayAdapter()
