"""Invitations that leave by Parley's own mail.

The mail is the same whether its address has an account or not, and so is what the admin is told: nobody learns from an invitation who is
known.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from zoneinfo import ZoneInfo

from api.deps import House
from inbox.contract import ConnectorError
from inbox.conversations import hold
from inbox.models import Workspace
from inbox.team import invitations, throttle
from inbox.team.rights import Access
from inbox.team.throttle import Limit
from web import render
from web.i18n import language

BY_WORKSPACE = Limit(50, timedelta(hours=1))  # Parley is nobody's machine for unwanted mail
BY_ADDRESS = Limit(5, timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Letter:
    """An invitation on its way: the link with its token, to an address, in the name of a member."""

    workspace: Workspace
    token: str
    email: str
    inviter: str


def is_possible(house: House) -> bool:
    """Whether this installation has a mail server of its own."""
    return house.settings.smtp_url is not None


def link(house: House, token: str) -> str:
    """Where an invitation leads."""
    return f"{house.settings.public_url}/invitations/{token}"


async def allow(house: House, access: Access, email: str, *, now: datetime) -> None:
    """Count a mail that is about to be sent; TooMany when it is one too many."""
    async with house.database.transaction() as counting:
        await throttle.hit(counting, "invitation:address", email.strip().lower(), BY_ADDRESS, now=now)
        await throttle.hit(counting, "invitation:workspace", str(access.workspace_id), BY_WORKSPACE, now=now)


async def send(house: House, access: Access, letter: Letter, *, now: datetime) -> str | None:
    """Mail an invitation that is committed, and write down what became of it; why it did not leave, or may not have."""
    error = await _hand_in(house, letter, now)
    async with house.database.transaction() as session:
        await invitations.mark_mailed(session, access, letter.token, error=error, now=now)
    return error


async def _hand_in(house: House, letter: Letter, now: datetime) -> str | None:
    from connectors.outbound import mail  # brings everything about e-mail: only where a letter leaves

    async with house.database.transaction() as session:
        held_since = await hold.since(session)
    if held_since is not None:
        return "This installation was restored and is held: nothing leaves until `parley resume`."
    if house.settings.smtp_url is None:
        return "Parley sends no mail of its own: no server is set."
    locale, sender = letter.workspace.locale, house.settings.mail_from
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    subject = language(locale).gettext("Invitation to %(workspace)s") % {"workspace": letter.workspace.name}
    try:
        await mail.send(
            house.settings.smtp_url.get_secret_value(),
            sender,
            letter.email,
            subject,
            _words(house, letter, now),
            message_id=f"invitation.{secrets.token_hex(12)}@{domain}",
        )
    except ConnectorError as refused:
        return str(refused)
    return None


def _words(house: House, letter: Letter, now: datetime) -> str:
    return render.fragment(
        "people/invitation.txt",
        letter.workspace.locale,
        inviter=letter.inviter,
        workspace=letter.workspace.name,
        link=link(house, letter.token),
        until=now + invitations.LIFETIME,
        zone=ZoneInfo(letter.workspace.timezone),
    )
