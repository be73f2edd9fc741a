"""An account with reviews: what every connector for them does alike. A platform brings its `Source`.

There is one answer to a review. Sending the same words again changes nothing, so what is in doubt can be looked up; other words would
wipe out what is there, perhaps a colleague's: that is refused, and the answer can be edited.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import ValidationError

from connectors.reviews import review
from connectors.reviews.place import Place
from connectors.reviews.reading import Reader, Source, reason
from connectors.reviews.review import Answer
from inbox.contract import Action, Author, Batch, Capabilities, Permanent, Receipt, Rejected, Reply

INTERVAL = 60.0  # seconds between two looks
NOBODY = Author("us", "", is_self=True)


class Reviews:
    """One account on a platform for reviews."""

    capabilities: ClassVar[Capabilities]

    def __init__(self, source: Source, history: int) -> None:
        self._source, self._history = source, history

    async def check(self) -> Author:
        """Ask for the newest reviews: who may read them is the account."""
        return await self._source.whoami()

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Everything after the cursor, then a look every so often."""
        place = Place.read(cursor)
        reader = Reader(self._source, await self._source.whoami(), place, self._history)
        while True:
            async with aclosing(reader.look(datetime.now(UTC))) as batches:
                async for batch in batches:
                    yield batch
            await asyncio.sleep(INTERVAL * random.uniform(0.9, 1.1))  # noqa: S311  # not a secret

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """A review that could not be read before."""
        try:
            return Batch(review.events(self._source.read(json.loads(raw)), None, NOBODY, received_at))
        except ValidationError as error:
            return Batch(rejected=[Rejected(raw, reason(error))])
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
            return Batch(rejected=[Rejected(raw, "It is not a review that was kept.")])

    async def send(self, reply: Reply) -> Receipt:
        """Give the one answer. Where these very words stand already, they are the receipt."""
        if reply.attachments:
            raise Permanent("An answer to a review has no files.")
        if reply.private:
            raise Permanent("A review can be answered in public only.")
        given = await self._given(reply.thread_id)
        if given is not None and not given.failure:
            if _is_same(given.text, reply.text):
                return _receipt(reply.thread_id, given)
            raise Permanent("This review has an answer already, and can have one only: edit that one.")
        return _receipt(reply.thread_id, await self._source.put(reply.thread_id, reply.text))

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """The answer with these very words."""
        given = await self._given(reply.thread_id)
        return _receipt(reply.thread_id, given) if given is not None and _is_same(given.text, reply.text) else None

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Edit or delete our answer."""
        review_id = review.answered(message_id)
        if review_id is None:
            raise Permanent("Only an answer of ours can be changed, not a review.")
        if action not in self.capabilities.actions:
            raise Permanent("The platform does not know this action.")
        if action is Action.EDIT:
            await self._source.put(review_id, text)
        else:
            await self._source.remove(review_id)

    async def aclose(self) -> None:
        await self._source.aclose()

    async def _given(self, review_id: str) -> Answer | None:
        told = await self._source.one(review_id)
        if told is None:
            raise Permanent("The review is not there any more.")
        try:
            return self._source.read(told).answer
        except (ValueError, TypeError, KeyError, IndexError):
            raise Permanent("The review cannot be read, so nobody knows whether it is answered.") from None


def _is_same(said: str, wanted: str) -> bool:
    return said.split() == wanted.split()


def _receipt(review_id: str, answer: Answer) -> Receipt:
    return Receipt(review.answer_name(review_id), min(answer.at, datetime.now(UTC)))
