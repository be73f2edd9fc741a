"""Logins. They belong to a person and to no workspace, so changes to them are not in any workspace's log."""

import re
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.errors import Conflict, Invalid
from inbox.models import Account
from inbox.secrets import Vault
from inbox.team import passwords, sessions, totp

EMAIL = re.compile(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+")
LONGEST_EMAIL = 320
LONGEST_NAME = 200  # of people, teams, workspaces and tokens


def normal(email: str) -> str:
    """An address as it is stored and compared."""
    email = email.strip().lower()
    if len(email) > LONGEST_EMAIL or not EMAIL.fullmatch(email):
        raise Invalid("That is not an e-mail address.", code="email")
    return email


def named(name: str, *, longest: int = LONGEST_NAME) -> str:
    """A name as it is stored; Invalid when there is none, or more than `longest` characters of it."""
    name = said(name, longest=longest)
    if not name:
        raise Invalid("A name is needed.", code="name")
    return name


def said(name: str, *, longest: int = LONGEST_NAME) -> str:
    """A name that may be missing, as it is stored."""
    name = " ".join(name.split())
    if len(name) > longest:
        raise Invalid("A name may have at most {longest} characters.", code="name_long", longest=longest)
    return name


async def create(
    session: AsyncSession, *, email: str, name: str, password: str | None, now: datetime, locale: str | None = None
) -> Account:
    """Make an account; Conflict when the address has one."""
    email = normal(email)
    if password is not None:
        passwords.check(password, email=email)
    stored = await passwords.protect(password) if password is not None else None
    new = insert(Account).values(email=email, name=named(name), password_hash=stored, locale=locale, created_at=now)
    new = new.on_conflict_do_nothing(index_elements=[col(Account.email)])
    account = await session.scalar(new.returning(Account))
    if account is None:
        raise Conflict("This address has an account already: sign in with it.", code="account_exists")
    return account


async def find(session: AsyncSession, email: str) -> Account | None:
    """The account of an address."""
    return await session.scalar(select(Account).where(col(Account.email) == email.strip().lower()))


async def authenticate(session: AsyncSession, email: str, password: str) -> Account | None:
    """The account whose password this is. An unknown address takes as long as a wrong password."""
    account = await find(session, email)
    if not await passwords.verify(account.password_hash if account else None, password) or account is None:
        return None
    if account.password_hash is not None and passwords.outdated(account.password_hash):
        account.password_hash = await passwords.protect(password)
    return account


async def change_password(
    session: AsyncSession, account: Account, *, current: str, new: str, keep_session_id: int | None, now: datetime
) -> None:
    """Set another password; every other browser is signed out."""
    if not await passwords.verify(account.password_hash, current):
        raise Invalid("The current password is not right.", code="password_wrong")
    await set_password(session, account, new, keep_session_id=keep_session_id, now=now)


async def set_password(
    session: AsyncSession, account: Account, password: str, *, keep_session_id: int | None = None, now: datetime
) -> None:
    """Set a password without asking for the old one: for whoever keeps the installation."""
    passwords.check(password, email=account.email)
    account.password_hash = await passwords.protect(password)
    await sessions.revoke_others(session, account.id, keep_session_id=keep_session_id, now=now)


async def enable_totp(session: AsyncSession, vault: Vault, account: Account, *, secret: str, code: str, now: datetime) -> None:
    """Ask for codes from now on, once the first code was right."""
    used = totp.step(secret, code, now=now, after=None)
    if used is None:
        raise Invalid("That code is not right. Codes change every 30 seconds; the clock of the telephone must be right.", code="totp_wrong")
    account.totp_secret = vault.encrypt(secret)
    account.totp_last_step = used
    await session.flush()


async def disable_totp(session: AsyncSession, account: Account, *, password: str) -> None:
    """Ask for no codes any more."""
    if not await passwords.verify(account.password_hash, password):
        raise Invalid("The current password is not right.", code="password_wrong")
    await reset_totp(session, account)


async def reset_totp(session: AsyncSession, account: Account) -> None:
    """The same without asking, for somebody who lost the telephone."""
    account.totp_secret = None
    account.totp_last_step = None
    await session.flush()


async def spend_code(session: AsyncSession, vault: Vault, account: Account, code: str, *, now: datetime) -> bool:
    """Whether a code is right, newest and not used before; two browsers with the same code get one sign-in."""
    if account.totp_secret is None:
        return False
    used = totp.step(vault.decrypt(account.totp_secret), code, now=now, after=account.totp_last_step)
    if used is None:
        return False
    newer = col(Account.totp_last_step).is_(None) | (col(Account.totp_last_step) < used)
    spend = update(Account).where(col(Account.id) == account.id, newer).values(totp_last_step=used)
    return await session.scalar(spend.returning(col(Account.id))) is not None
