"""A mailbox, read over IMAP."""

import base64
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime

from aioimaplib import aioimaplib

from connectors.email.config import EmailConfig, Security
from connectors.email.wire import Connection, Line
from connectors.oauth import Tokens
from inbox.contract import AuthError, ConnectorError, Permanent, Transient

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
PASSING = re.compile(rb"\[(UNAVAILABLE|LIMIT|INUSE|SERVERBUG)\]|too many|try again|temporar", re.IGNORECASE)
ITEM = re.compile(rb"^\d+ FETCH \(")


@dataclass(frozen=True, slots=True)
class Folder:
    """A selected folder: its UIDs mean something only together with its validity."""

    name: str
    validity: int
    next_uid: int


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as the server holds it. `source` is cut off when it is shorter than `size`."""

    uid: int
    at: datetime
    size: int
    source: bytes = b""


@asynccontextmanager
async def opened(config: EmailConfig, tokens: Tokens) -> AsyncGenerator["Mailbox"]:
    """A signed-in connection; a token that ran out is renewed once."""
    mailbox = await Mailbox.connect(config)
    try:
        try:
            await mailbox.sign_in(tokens)
        except AuthError:
            if not (config.uses_token and tokens.renewable):
                raise
            tokens.forget()
            mailbox.drop()
            mailbox = await Mailbox.connect(config)
            await mailbox.sign_in(tokens)
        yield mailbox
        await mailbox.leave()
    finally:
        mailbox.drop()


class Mailbox:
    """One connection to a mail server, by what is done with it."""

    def __init__(self, config: EmailConfig, connection: Connection) -> None:
        self._config = config
        self._connection = connection
        self._can_idle = False
        self.selected: Folder | None = None

    @classmethod
    async def connect(cls, config: EmailConfig) -> "Mailbox":
        tls = config.tls() if config.imap_security is Security.TLS else None
        connection = await Connection.open(config.imap_host, config.imap_port, config.timeout, tls)
        try:
            if config.imap_security is Security.STARTTLS:
                await connection.start_tls(config.tls())
        except BaseException:
            connection.drop()
            raise
        return cls(config, connection)

    async def sign_in(self, tokens: Tokens) -> None:
        config, connection = self._config, self._connection
        user = config.user or config.address
        if config.uses_token:
            token = await tokens.current()
            credentials = base64.b64encode(f"user={user}\1auth=Bearer {token}\1\1".encode()).decode()
            answer = await connection.command("AUTHENTICATE", "XOAUTH2", credentials)
        else:
            if "LOGINDISABLED" in connection.protocol.capabilities:
                raise Permanent("The incoming mail server takes no password without encryption: choose TLS or STARTTLS.")
            secret = config.password.get_secret_value() if config.password else ""
            answer = await connection.command("LOGIN", aioimaplib.quoted(user), aioimaplib.quoted(secret))
        if not answer.ok:
            if PASSING.search(answer.closing):
                raise Transient("The incoming mail server lets nobody sign in at the moment.")
            raise AuthError("The incoming mail server does not accept the user or the password.")
        connection.protocol.state = aioimaplib.AUTH
        self._can_idle = "IDLE" in await connection.capability()

    async def select(self, folder: str, *, read_only: bool = True) -> Folder:
        """Open a folder. Reading alone never marks a mail as seen."""
        answer = await self._connection.command("EXAMINE" if read_only else "SELECT", _quoted(folder))
        if not answer.ok:
            raise _no_folder(folder)
        self._connection.protocol.state = aioimaplib.SELECTED
        told = b"\n".join(answer.lines)
        # Servers should tell the next UID, old ones do not.
        next_uid = _number(rb"UIDNEXT (\d+)", told) or max(await self.search("ALL"), default=0) + 1
        self.selected = Folder(folder, _number(rb"UIDVALIDITY (\d+)", told), next_uid)
        return self.selected

    async def status(self, folder: str) -> Folder:
        """The state of a folder that is not selected."""
        answer = await self._connection.command("STATUS", _quoted(folder), "(UIDVALIDITY UIDNEXT)")
        if not answer.ok:
            raise _no_folder(folder)
        told = b" ".join(answer.lines)
        return Folder(folder, _number(rb"UIDVALIDITY (\d+)", told), _number(rb"UIDNEXT (\d+)", told))

    async def search(self, *criteria: str) -> list[int]:
        """The UIDs that match, in ascending order."""
        answer = await self._connection.command("SEARCH", *criteria, prefix="UID")
        if not answer.ok:
            raise Transient("The incoming mail server does not search.")
        return sorted({int(word) for line in answer.lines for word in line.split() if word.isdigit()})

    async def after(self, uid: int) -> list[int]:
        """The UIDs above this one. (`n:*` always names the last mail, even below n.)"""
        return [found for found in await self.search("UID", f"{uid + 1}:*") if found > uid]

    async def since(self, day: date) -> list[int]:
        return await self.search("SINCE", f"{day.day}-{MONTHS[day.month - 1]}-{day.year}")

    async def having(self, field: str, content: str) -> list[int]:
        """The UIDs of the mails with this in that header field."""
        return await self.search("HEADER", field, aioimaplib.quoted(content)) if content.isascii() else []

    async def sizes(self, uids: Sequence[int]) -> list[Mail]:
        """When these mails came and how large they are; mails gone meanwhile are left out."""
        return await self._fetch(uids, "(UID INTERNALDATE RFC822.SIZE)")

    async def fetch(self, uids: Sequence[int], largest: int) -> list[Mail]:
        """These mails with their source, at most `largest` bytes of each."""
        return await self._fetch(uids, f"(UID INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.{largest}>)")

    async def mark_seen(self, uids: Sequence[int]) -> None:
        await self._connection.command("STORE", _uid_set(uids), "+FLAGS.SILENT", r"(\Seen)", prefix="UID")

    async def append(self, folder: str, source: bytes) -> bool:
        """Put a mail into a folder, as read; tells whether the server took it."""
        answer = await self._connection.command("APPEND", _quoted(folder), r"(\Seen)", f"{{{len(source)}}}", literal=source)
        return answer.ok

    @property
    def exists(self) -> int:
        """How many mails the selected folder has, as far as the server told."""
        return self._connection.protocol.exists

    async def wait(self, seconds: float, known: int) -> None:
        """Until there may be something new, at most so long. `known`: `exists` before the last look."""
        if self._can_idle:
            await self._connection.idle(seconds, known)
        else:
            await self._connection.pause(min(seconds, self._config.poll))
            await self._connection.command("NOOP")

    async def leave(self) -> None:
        """Say goodbye; how that goes changes nothing any more."""
        with suppress(ConnectorError):
            await self._connection.command("LOGOUT")

    def drop(self) -> None:
        self._connection.drop()

    async def _fetch(self, uids: Sequence[int], items: str) -> list[Mail]:
        if not uids:
            return []
        answer = await self._connection.command("FETCH", _uid_set(uids), items, prefix="UID")
        if not answer.ok:
            raise Transient("The incoming mail server does not hand out its mail.")
        wanted = set(uids)
        return [mail for mail in _mails(answer.lines) if mail.uid in wanted]


def folder_name(name: str) -> str:
    """A folder's name in modified UTF-7 (RFC 3501, 5.1.3)."""
    encoded: list[str] = []
    for run in re.findall(r"[\x20-\x7e]+|[^\x20-\x7e]+", name):
        if run.isascii() and run.isprintable():
            encoded.append(run.replace("&", "&-"))
        else:
            letters = base64.b64encode(run.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
            encoded.append(f"&{letters}-")
    return "".join(encoded)


def _quoted(folder: str) -> str:
    return aioimaplib.quoted(folder_name(folder))


def _no_folder(folder: str) -> Permanent:
    return Permanent(f"The incoming mail server has no folder “{folder}”, or does not let us read it.")


def _uid_set(uids: Sequence[int]) -> str:
    """`1:3,7` for 1, 2, 3 and 7."""
    ranges: list[list[int]] = []
    for uid in sorted(uids):
        if ranges and uid == ranges[-1][1] + 1:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in ranges)


def _number(pattern: bytes, told: bytes) -> int:
    found = re.search(pattern, told)
    return int(found[1]) if found else 0


def _mails(lines: Sequence[Line]) -> list[Mail]:
    """The answers to a FETCH: fields as lines, the source of a mail as a literal (a bytearray) between them."""
    mails: list[Mail] = []
    fields, source = b"", b""
    for line in lines:
        if isinstance(line, bytearray):
            source = bytes(line)
        elif ITEM.match(line):
            mails.extend(_mail(fields, source))
            fields, source = line, b""
        else:
            fields += b" " + line
    mails.extend(_mail(fields, source))
    return mails


def _mail(fields: bytes, source: bytes) -> list[Mail]:
    """One mail, or none when the server only told about changed flags."""
    uid = _number(rb"UID (\d+)", fields)
    internal = re.search(rb'INTERNALDATE "([^"]+)"', fields)
    if not uid or not internal:
        return []
    return [Mail(uid, _internal_date(internal[1].decode("ascii", "replace")), _number(rb"RFC822\.SIZE (\d+)", fields), source)]


def _internal_date(told: str) -> datetime:
    day, month, year, clock, zone = re.split(r"[- ]", told.strip(), maxsplit=4)
    number = next((index for index, name in enumerate(MONTHS, start=1) if name.lower() == month.lower()), 1)
    return datetime.strptime(f"{day} {number} {year} {clock} {zone}", "%d %m %Y %H:%M:%S %z").astimezone(UTC)
