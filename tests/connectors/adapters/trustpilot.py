"""An account of Trustpilot before answers as the documents say."""

from typing import ClassVar

from tests.connectors.conformance import Adapter
from tests.connectors.reviews.fake import Platform
from tests.connectors.reviews.stage import ReviewsAdapter
from tests.connectors.trustpilot import fake


class TrustpilotAdapter(ReviewsAdapter):
    platform: ClassVar[type[Platform]] = fake.Pilot
    account: ClassVar[str] = "507f191e810c19729de860ea"
    prelude: ClassVar[tuple[str, ...]] = ("/accesstoken",)
    names_results: ClassVar[bool] = False


ADAPTER: Adapter = TrustpilotAdapter()
