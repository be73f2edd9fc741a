"""The checks: each a sentence about connectors, what of it is shown in docs/maturity.md, and whom it does not concern."""

import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import SecretStr
from sqlalchemy import select
from sqlmodel import col

import connectors
from connectors.conformance import Adapter, Said, Trouble
from connectors.conformance.answers import Answer, platform
from connectors.conformance.bench import NOW, Bench, impatient, overheard, reachable
from connectors.conformance.faults import FAULTS, Fault, instead, whatever
from inbox.contract import Ambiguous, Author, Capabilities, ConnectorError, EventKind, RateLimited, Receipt, Transient
from inbox.conversations import lengths, outbox
from inbox.errors import Invalid
from inbox.models import Delivery, Direction, Message, Wait

# ruff: noqa: S101  # these are tests
UNICODE = "👩‍👩‍👧 مرحبا \u202eab\u202c e\u0301 <b>&amp;\u00a0\u2028 Zażółć 𝔘𝔫𝔦"
Way = Callable[[Bench], Awaitable[None]]
STORY = (
    Said("m1", "When?", seconds=0),
    Said("m2", "And where?", by="bernd", seconds=1, parent="m1"),
    Said("m1", "When, please?", EventKind.EDIT, seconds=2),
    Said("m3", "Never mind", by="carla", seconds=3),
    Said("m3", "", EventKind.DELETE, by="carla", seconds=4),
    Said("m2", "👍", EventKind.REACTION, by="anna", seconds=5),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one adapter. `exempt`: why it does not concern this one; the words of `subject` are those of docs/maturity.md."""

    name: str
    subject: str
    way: Way
    exempt: str | None = None


def of(adapter: Adapter) -> Iterator[Check]:
    """Every check, for this adapter; those that do not concern it among them, with the reason."""
    reads = None if adapter.kinds else "nothing comes in through this connector"
    told = reads or (None if {said.kind for said in STORY} <= adapter.kinds else "edits, deletions and reactions do not all come in here")
    echoes = reads or (None if adapter.echoes else "the platform does not tell us what we said ourselves")
    sends = None if _takes_answers(adapter) else "nothing can be answered through this connector"
    yield Check("the same delivery again changes nothing", "repeats", _repeats, reads)
    yield Check("a crash before the commit loses nothing", "repeats", _crash, reads)
    for seed in range(6):
        for together in (True, False):
            how = f"the order of delivery makes no difference ({'together' if together else 'one by one'}, {seed})"
            yield Check(how, "any order", partial(_order, seed=seed, together=together), told)
    yield Check("an echo that comes before the receipt is our own reply", "echoes", _echo_before, echoes)
    yield Check("an echo that comes after the receipt changes nothing", "echoes", _echo_after, echoes)
    yield Check("what a colleague answers on the platform is theirs and ends the wait", "native answers", _native, reads or sends)
    yield Check("every character comes in as it was written", "every character", _characters_in, reads)
    yield Check("every character goes out as it was written", "every character", _characters_out, sends)
    yield Check("a reply that the platform takes has a receipt with its id", "receipts", _receipt, sends)
    for trouble in adapter.trouble:
        yield Check(f"a send that fails says truly how: {trouble.name}", "failures", partial(_trouble, trouble=trouble), sends)
    yield from _faults(adapter, sends)
    connects = sends or (None if adapter.silence is not None else "there is no connection on the way out")
    yield Check("a half-open connection is noticed and leaves a doubt", "dead connections", _silence, connects)
    yield Check("nobody is there and nothing was sent", "dead connections", _nobody, connects)
    yield Check("a text that is too long is known before it is sent", "length", _length, sends)
    yield Check("a connector has the shape of the contract", "contract", _shape)
    yield Check("what sounds secret is kept as a secret", "secrets", _secrets)


def _faults(adapter: Adapter, sends: str | None) -> Iterator[Check]:
    """The host's own failures: no adapter chooses among them. Who only reads is checked all the same."""
    speaks, asked = getattr(adapter, "speaks", "http"), sends is not None or adapter.accepts() is not None
    exempt = None if asked and speaks == "http" else "it asks no platform" if not asked else f"it speaks {speaks}, not HTTP"
    for fault in FAULTS:
        yield Check(f"a platform that fails is understood: {fault.name}", "failures", partial(_fault, fault=fault), sends or exempt)
        yield Check(f"an account that cannot be checked says how: {fault.name}", "failures", partial(_unchecked, fault=fault), exempt)


def _takes_answers(adapter: Adapter) -> bool:
    return connectors.find(adapter.name).capabilities.replies


async def _repeats(bench: Bench) -> None:
    inbox = await bench.inbox()
    for _ in range(3):
        await inbox.take(Said("m1", "When?"))
    assert await inbox.count(Message) == 1
    assert await inbox.count(Wait) == int(_takes_answers(bench.adapter))  # nobody waits for what cannot be given


async def _crash(bench: Bench) -> None:
    inbox = await bench.inbox()
    crash = await inbox.session.begin_nested()
    await inbox.take(Said("m1", "When?"))
    await crash.rollback()
    assert await inbox.count(Message) == 0
    await inbox.take(Said("m1", "When?"))
    assert await inbox.count(Message) == 1


async def _order(bench: Bench, *, seed: int, together: bool) -> None:
    inbox, story = await bench.inbox(), list(STORY)
    random.Random(seed).shuffle(story)  # noqa: S311  # not a secret
    for part in [story] if together else [[said] for said in story]:
        await inbox.take(*part)
    state = await inbox.state()
    assert state[0][:3] == ("m1", "When, please?", False)
    assert state[1][:3] == ("m2", "And where?", False)
    assert state[2][2] is True
    assert state[3:] == [(1,), (2,)]  # a reaction; Anna and Bernd wait


async def _echo_before(bench: Bench) -> None:
    inbox, adapter = await bench.inbox(), bench.adapter
    await inbox.take(Said("m1", "When?"))
    claimed = await inbox.claimed_reply()
    key = "our-key" if adapter.returns_client_key else None
    await inbox.take(Said(adapter.sent_id, "At nine.", by="us", seconds=10, client_key=key))
    await outbox.mark_sent(inbox.session, claimed, Receipt(adapter.sent_id, NOW), NOW)
    assert await inbox.count(Message, col(Message.direction) == Direction.OUT) == 1
    stored = await inbox.session.scalar(select(Message).where(col(Message.client_key) == "our-key"))
    assert stored is not None
    assert (stored.delivery, stored.external_id, stored.native) == (Delivery.SENT, adapter.sent_id, False)


async def _echo_after(bench: Bench) -> None:
    inbox, sent_id = await bench.inbox(), bench.adapter.sent_id
    await inbox.take(Said("m1", "When?"))
    claimed = await inbox.claimed_reply()
    await outbox.mark_sent(inbox.session, claimed, Receipt(sent_id, NOW), NOW)
    before = await inbox.state()
    await inbox.take(Said(sent_id, "At nine.", by="us", seconds=10))
    assert await inbox.state() == before


async def _native(bench: Bench) -> None:
    inbox = await bench.inbox()
    await inbox.take(Said("m1", "When?"))
    await inbox.take(Said("native-1", "At nine.", by="us", seconds=60, parent="m1"))
    assert await inbox.count(Message, col(Message.native)) == 1
    assert await inbox.count(Wait, col(Wait.closed_at).is_(None)) == 0


async def _characters_in(bench: Bench) -> None:
    inbox = await bench.inbox()
    await inbox.take(Said("m1", UNICODE))
    body = await inbox.session.scalar(select(col(Message.body)).where(col(Message.channel_id) == inbox.channel.id))
    assert body == (UNICODE.replace("\u00a0", " ") if bench.adapter.folds_blanks else UNICODE)


async def _characters_out(bench: Bench) -> None:
    assert (await bench.send(bench.adapter.accepts(), UNICODE)).message_id == bench.adapter.sent_id


async def _receipt(bench: Bench) -> None:
    assert (await bench.send(bench.adapter.accepts())).message_id == bench.adapter.sent_id


async def _trouble(bench: Bench, *, trouble: Trouble) -> None:
    await _fails(bench, trouble.answer, trouble.expected, trouble.retry_after)


async def _fault(bench: Bench, *, fault: Fault) -> None:
    again = (Transient,) if connectors.find(bench.adapter.name).capabilities.idempotent_send and Ambiguous in fault.expected else ()
    await _fails(bench, instead(bench.adapter, fault), (*fault.expected, *again), None)


async def _unchecked(bench: Bench, *, fault: Fault) -> None:
    """It either needs no network, or fails in one of the contract's ways, without a secret."""
    with reachable(), overheard() as heard, impatient():
        async with platform(whatever(fault)) as address:
            connector = bench.connector(address)
            try:
                assert isinstance(await connector.check(), Author)
            except ConnectorError as error:
                if isinstance(error, Ambiguous):
                    raise AssertionError("a check changes nothing: there is nothing to doubt") from error
                heard.append(repr(error))
            finally:
                await connector.aclose()
    _keeps_secrets(bench, heard)


async def _fails(bench: Bench, answer: Answer, expected: tuple[type[ConnectorError], ...], retry_after: float | None) -> None:
    with overheard() as heard:
        try:
            await bench.send(answer)
        except ConnectorError as error:
            failed = error
        else:
            raise AssertionError("it was taken for sent")
    assert isinstance(failed, expected), f"{type(failed).__name__} instead of {' or '.join(kind.__name__ for kind in expected)}: {failed}"
    if isinstance(failed, RateLimited):
        assert failed.retry_after == retry_after if retry_after is not None else failed.retry_after > 0
    _keeps_secrets(bench, [*heard, repr(failed)])


def _keeps_secrets(bench: Bench, heard: list[str]) -> None:
    for secret in bench.adapter.secrets:
        assert secret not in "\n".join(heard)


async def _silence(bench: Bench) -> None:
    silence: Any = bench.adapter.silence  # asked of the adapter itself: it may be a property
    with impatient():
        try:
            await bench.send(silence)
        except Ambiguous:
            return
    raise AssertionError("silence is no answer")


async def _nobody(bench: Bench) -> None:
    try:
        await bench.send(None)
    except Transient:
        return
    raise AssertionError("nothing can have been sent")


async def _length(bench: Bench) -> None:
    capabilities = connectors.find(bench.adapter.name).capabilities
    for kind in capabilities.conversation_kinds:
        allowed = capabilities.length(kind)
        longest = lengths.LONGEST if allowed.most is None else allowed.most
        lengths.check("x" * longest, allowed)
        try:
            lengths.check("x" * (longest + 1), allowed)
        except Invalid:
            continue
        raise AssertionError("nobody would know")


async def _shape(bench: Bench) -> None:
    kind = connectors.find(bench.adapter.name)
    assert (kind.name, bool(kind.title), isinstance(kind.capabilities, Capabilities)) == (bench.adapter.name, True, True)
    for name in ("check", "stream", "send", "aclose"):
        assert callable(getattr(kind, name))
    for name, field in kind.Config.model_json_schema().get("properties", {}).items():
        assert field.get("title"), f"{name} has no title for the set-up form"


async def _secrets(bench: Bench) -> None:
    for name, field in connectors.find(bench.adapter.name).Config.model_fields.items():
        if name.endswith(("secret", "password", "token", "key")):
            assert SecretStr.__name__ in str(field.annotation), f"{name} would be shown"
