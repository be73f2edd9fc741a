"""Delivers messages about alerts. One loop of the work process; `inbox.promptness.deliveries` says what is due."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parseaddr
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from api import alert_words
from api.alert_words import Words
from inbox import pauses
from inbox.contract import ConnectorError, Permanent
from inbox.conversations import hold
from inbox.db import Database
from inbox.errors import ParleyError
from inbox.models import Account, AlertDelivery, Fold, Member, Way, Workspace
from inbox.promptness import alerting, deliveries, notices, recipients, troubles
from inbox.promptness.notices import Told
from inbox.secrets import Vault, new_token
from inbox.settings import Settings
from inbox.team import rights
from inbox.team.rights import Access
from web.i18n import language

POLL_SECONDS = 1.0
LOST = (SQLAlchemyError, psycopg.Error, OSError)
APART = 0.1  # whatever this process commits wakes it: what happens within this time is looked at together
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Office:
    """What the loop works with."""

    database: Database
    vault: Vault
    settings: Settings
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes, read before it is sent: an address, a webhook with its secret, services, or browsers."""

    way: Way
    key: str
    words: Words
    topic: str
    alerts: Sequence[Told] = ()
    email: str = ""
    url: str = ""
    secret: str = ""
    services: Sequence[str] = ()
    browsers: Sequence[tuple[int, int, str]] = ()  # subscription, member, its address as JSON
    push: tuple[str, str] = ("", "")


async def run(database: Database, vault: Vault, settings: Settings, stop: asyncio.Event, *, clock: Callable[[], datetime]) -> None:
    """Deliver what is due, until `stop`. What this process has just raised leaves at once."""
    office, woken = Office(database, vault, settings, clock), asyncio.Event()
    database.readers.add(woken)
    try:
        while not stop.is_set():
            try:
                while await deliver_due(office):
                    pass
            except LOST as error:  # a database that restarts; the lease lets it be tried again
                log.warning("delivering alerts waits for the database", error=type(error).__name__)
                await pauses.happens(stop, POLL_SECONDS)
            await pauses.happens(stop, APART)
            await pauses.happens(woken, POLL_SECONDS)
            woken.clear()
    finally:
        database.readers.discard(woken)


async def deliver_due(office: Office) -> int:
    """Claim, commit, send, and write down what became of it; how many were claimed."""
    async with office.database.transaction() as session:
        if await hold.since(session) is not None:
            return 0
        claimed = await deliveries.claim(session, now=office.clock())
    await asyncio.gather(*(_deliver(office, delivery) for delivery in claimed))
    return len(claimed)


async def _deliver(office: Office, delivery: AlertDelivery) -> None:
    """Look again before anything is sent: who was answered meanwhile is not told of."""
    failure: ConnectorError | None = None
    try:
        async with office.database.transaction() as session:
            target = await prepare(session, office, delivery)
        if target is not None:
            await send(office, target)
    except ConnectorError as error:
        target, failure = None, error
    except ParleyError as error:  # a secret of another key
        target, failure = None, Permanent(str(error))
    except LOST:
        raise
    except Exception as error:  # of a library that reads what somebody wrote: the others' alerts must not end with it
        log.error("an alert could not be sent", way=delivery.way.value, exc_info=error)
        target, failure = None, Permanent("The message could not be made: the server's log says why.")
    async with office.database.transaction() as session:
        if isinstance(failure, Permanent):
            await deliveries.mark_failed(session, delivery, str(failure), now=office.clock())
        elif failure is not None:
            await deliveries.release(session, delivery, str(failure), now=office.clock())
        elif target is None:
            await deliveries.mark_dropped(session, delivery)
        else:
            await deliveries.mark_sent(session, delivery, now=office.clock())


async def prepare(session: AsyncSession, office: Office, delivery: AlertDelivery) -> Target | None:
    """What to say to whom; None when there is nothing to say any more."""
    workspace = await session.get_one(Workspace, delivery.workspace_id)
    member = None if delivery.member_id is None else await session.get(Member, delivery.member_id)
    if delivery.member_id is not None and (member is None or member.removed_at is not None):
        return None
    account = None if member is None else await session.get_one(Account, member.account_id)
    locale = (account.locale if account else None) or workspace.locale
    base = f"{office.settings.public_url}/w/{workspace.id}"
    found = await _told(session, delivery, member)
    wrong = await troubles.some(session, delivery.trouble_ids)
    if delivery.fold is Fold.DIGEST and not found and not wrong:
        return None
    if wrong:
        words = alert_words.of_troubles(wrong, locale, base)
    elif found:
        words = alert_words.of_alerts(found, locale, ZoneInfo(workspace.timezone), base, office.clock())
    else:
        return None
    topic = f"w{workspace.id}" if len(found) != 1 or wrong else f"c{found[0].conversation_id}"
    return await address(session, office, delivery.way, workspace.id, member, words, key=delivery.key, topic=topic, alerts=found)


async def _told(session: AsyncSession, delivery: AlertDelivery, member: Member | None) -> list[Told]:
    """What is still to be told: a member who may not see a channel any more hears nothing of it; who reads the workspace's own addresses
    nobody knows, so that they are not told who waits on a restricted one."""
    found = [alert for alert in await notices.some(session, delivery.alert_ids) if alert.is_open]
    if member is not None:
        seen = await rights.channels(session, rights.of(member))
        return [alert for alert in found if alert.channel_id in seen]
    for_all = await rights.unrestricted(session, delivery.workspace_id)
    return [alert if alert.channel_id in for_all else replace(alert, who="") for alert in found]


async def address(
    session: AsyncSession,
    office: Office,
    way: Way,
    workspace_id: int,
    member: Member | None,
    words: Words,
    *,
    key: str,
    topic: str,
    alerts: Sequence[Told] = (),
) -> Target:
    """Put the recipient's addresses on a message."""
    vault = office.vault
    target: dict[str, Any] = {"way": way, "key": key, "words": words, "topic": topic, "alerts": alerts}
    if way is Way.MAIL and member is not None:
        return Target(**target, email=(await session.get_one(Account, member.account_id)).email)
    if way is Way.PUSH and member is not None:
        browsers = [
            (one.id, member.id, vault.decrypt(one.address)) for one in await alerting.subscriptions(session, member.id, now=office.clock())
        ]
        own = await alerting.push_key(session, vault)
        return Target(**target, browsers=browsers, push=("", "") if own is None else (vault.decrypt(own.private), own.public))
    setup = await recipients.setup(session, workspace_id)
    if way is Way.WEBHOOK:
        return Target(**target, url=setup.webhook_url, secret=vault.decrypt(setup.webhook_secret) if setup.webhook_secret else "")
    return Target(**target, services=alerting.services_of(setup, vault))


async def try_out(session: AsyncSession, office: Office, way: Way, access: Access, member: Member | None, locale: str) -> str | None:
    """Send a message that only says that this way works; what went wrong, in the reader's language. Commits before it asks anybody."""
    words = alert_words.of_test(locale, f"{office.settings.public_url}/w/{access.workspace_id}")
    target = await address(session, office, way, access.workspace_id, member, words, key=new_token("alert_"), topic="test")
    await session.commit()  # nothing is held while somebody else's server answers
    try:
        await send(office, target)
    except ConnectorError as error:
        return language(locale).sentence(str(error))
    return None


async def send(office: Office, target: Target) -> None:
    """Hand it over; fails with the contract's errors."""
    if target.way is Way.MAIL:
        await _mail(office, target)
    elif target.way is Way.PUSH:
        await _push(office, target)
    elif target.way is Way.WEBHOOK:
        await _hook(office, target)
    else:
        from connectors.outbound import services  # brings every service that Apprise knows

        await services.send(target.services, target.words.subject, target.words.text)


async def _mail(office: Office, target: Target) -> None:
    from connectors.outbound import mail  # brings everything about e-mail: only where a letter leaves

    settings = office.settings
    if settings.smtp_url is None:
        raise Permanent("Parley sends no mail of its own: no server is set.")
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2] or "localhost"
    thread = f"<alerts.{target.topic}@{domain}>"  # mail programs show what is about the same together
    await mail.send(
        settings.smtp_url.get_secret_value(),
        settings.mail_from,
        target.email,
        target.words.subject,
        target.words.text,
        message_id=f"{target.key}@{domain}",  # the same for every try
        headers={"References": thread, "In-Reply-To": thread},
    )


async def _push(office: Office, target: Target) -> None:
    from connectors.outbound import push

    if not target.browsers or not target.push[0]:
        raise Permanent("No browser takes messages any more.")
    contact = f"mailto:{parseaddr(office.settings.mail_from)[1]}" if office.settings.mail_from else office.settings.public_url
    key = push.Key(*target.push, contact)
    words = target.words
    message = {"title": words.subject, "body": "\n".join(words.lines[1:4]), "url": words.link, "tag": target.topic}
    failure: ConnectorError | None = None
    sent = 0
    for subscription_id, member_id, told in target.browsers:
        try:
            await push.send(key, json.loads(told), message, topic=target.topic, urgent=words.urgent)
            sent += 1
        except push.Unsubscribed:
            async with office.database.transaction() as session:
                await alerting.unsubscribe(session, member_id, subscription_id)
        except ConnectorError as error:
            failure = error
        else:
            async with office.database.transaction() as session:
                await alerting.used(session, subscription_id, now=office.clock())
    if not sent:  # one browser of a member is enough
        raise failure or Permanent("No browser takes messages any more.")


async def _hook(office: Office, target: Target) -> None:
    from connectors.outbound import hooks

    if not target.url:
        raise Permanent("No webhook is set.")
    message = {
        "type": "alert",
        "title": target.words.subject,
        "text": "\n".join(target.words.lines),
        "url": target.words.link,
        "alerts": [_shape(alert) for alert in target.alerts],
    }
    await hooks.send(target.url, target.secret, message, key=target.key, now=office.clock())


def _shape(alert: Told) -> dict[str, object]:
    return {
        "id": alert.id,
        "kind": alert.kind.value,
        "step": alert.step,
        "about": alert.about,
        "conversation": alert.conversation_id,
        "waiting_since": alert.opened_at.isoformat(),
        "due_at": alert.due_at.isoformat(),
        "raised_at": alert.raised_at.isoformat(),
        "late": alert.late,
    }
