"""Nostr before a relay that behaves as its documents say."""

from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from connectors import http
from connectors.nostr import Nostr
from connectors.nostr.config import NostrConfig
from inbox.contract import Ambiguous, AuthError, Batch, Connector, Event, EventKind, Permanent, RateLimited, Rejected, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.nostr.fake import ANNA, US, Person, Relay, serving

ASKED = ANNA.note("When?", naming=US)
SENT = US.note("At nine.", answering=ASKED, tags=[["parley", "our-key"]])


def relay(**more: Any) -> Answer:
    """A relay that has the message answered, and takes a new event like this."""
    found = Relay(**more)
    found.add(ASKED)
    return found.serve


class NostrAdapter:
    """A key whose relay brings what was said."""

    name: ClassVar[str] = "nostr"
    account: ClassVar[str] = US.key
    secrets: ClassVar[tuple[str, ...]] = (US.secret.hex(), answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = SENT["id"]
    thread_id: ClassVar[str] = ASKED["id"]
    parent_id: ClassVar[str] = ASKED["id"]
    speaks: ClassVar[str] = "nostr"
    silence: ClassVar[Answer | None] = staticmethod(relay(is_silent=True))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("401", answers.says(401), (AuthError,)),
        Trouble("403", answers.says(403), (AuthError,)),
        Trouble("no websocket", answers.says(200), (Transient,)),
        Trouble("500", answers.says(500), (Transient,)),
        Trouble("signs in only", relay(verdict="auth-required: we only accept members"), (AuthError,)),
        Trouble("blocked", relay(verdict="blocked: you are banned"), (Permanent,)),
        Trouble("invalid", relay(verdict="invalid: too far in the future"), (Permanent,)),
        Trouble("too fast", relay(verdict="rate-limited: slow down"), (RateLimited,), retry_after=http.PAUSE),
        Trouble("an error", relay(verdict="error: could not connect to the database"), (Transient,)),
        Trouble("bad JSON", relay(says_odd=True), (Ambiguous,)),
        Trouble("hangs up", relay(hangs_up=True), (Ambiguous,)),
        Trouble("hangs up at once", answers.hangs_up, (Transient,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "edits": "Nostr has none.",
        "webhooks": "Relays call nobody.",
        "fetched files": "Files are public.",
        "counts": "A relay cannot be relied on to have everything.",
        "standing": "Relays tell of no quota, and keys have no end.",
        "private replies": "Private messages (NIP-17) come in two encrypted envelopes with made-up dates: its page says more.",
        "attachments": "Files need a server of another kind.",
        "approved texts": "Nostr has no windows.",
        "hide": "There is nothing to hide behind.",
        "unhide": "Nothing can be hidden.",
        "edit": "Nostr has no edits.",
        "approve": "Notes are not held back.",
        "spam": "Reports (NIP-56) bind nobody.",
    }
    elsewhere: ClassVar[dict[str, str]] = {
        "reactions": "tests/connectors/nostr.",
    }
    todo: ClassVar[dict[str, str]] = {
        "listing": "A relay could list what answers a note.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"relay": address.replace("http:", "ws:"), "private_key": US.secret.hex()}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        relay = Relay()
        relay.add(ASKED)
        ids = {"m1": ASKED["id"]}
        for one in said:
            by = US if one.by == "us" else Person(one.by)
            at = int(one.at.timestamp())
            if one.message_id == SENT["id"]:
                event = SENT
            elif by is US:
                event = US.note(one.text, answering=ASKED, at=at)
            elif (one.message_id, one.text) == ("m1", "When?"):
                event = ASKED
            else:
                event = by.note(one.text, naming=US, at=at)
            ids[one.message_id] = relay.add(event)["id"]
        wanted = {ids[one.message_id] for one in said}
        events: list[Event] = []
        rejected: list[Rejected] = []
        http.allow(["127.0.0.0/8"])
        async with serving(relay) as address:
            nostr = Nostr(NostrConfig.model_validate(self.config(Path(), address)))
            async with aclosing(nostr.stream(None)) as batches:
                async for batch in batches:
                    events += [event for event in batch.events if event.message_id in wanted]
                    rejected += batch.rejected
                    if len(events) + len(rejected) >= len(wanted):
                        break
        return Batch(events, rejected=rejected)

    def accepts(self) -> Answer:
        """It has the reply: what is sent anew has an id of its own moment."""
        found = Relay()
        found.add(ASKED, SENT)
        return found.serve


ADAPTER: Adapter = NostrAdapter()
