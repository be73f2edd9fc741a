"""What `parley doctor` looks at. Each check says what it saw and, where something is wrong, how to mend it."""

import asyncio
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api import health
from api.deps import House
from connectors.outbound import mail
from inbox import channels, vitals
from inbox.contract import ConnectorError
from inbox.errors import Unusable
from inbox.files import Files
from inbox.models import Attachment, Channel
from inbox.settings import Settings
from inbox.vitals import ChannelVitals, Vitals

SECONDS = 10.0  # for an answer from the public address
LITTLE_SPACE = 2 * 1024**3
NO_SPACE = 200 * 1024**2
SKEW = 2.0  # seconds between this machine's clock and the database's
SILENT = timedelta(days=1).total_seconds()
ENDING = timedelta(days=14).total_seconds()
STUCK = 120.0  # seconds that a due reply may wait


class Grade(StrEnum):
    OK = "ok"
    NOTE = "note"  # worth knowing
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen, and how to mend it."""

    about: str
    grade: Grade
    seen: str
    mend: str = ""


def home(settings: Settings) -> list[Finding]:
    """Folder and key belong to one user alone, and there is space."""
    found: list[Finding] = []
    path = settings.home
    if not path.exists():
        return [Finding("home", Grade.PROBLEM, f"{path} does not exist.", "Start Parley once, or set PARLEY_HOME.")]
    mode = path.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        found.append(Finding("home", Grade.PROBLEM, f"Others may write to {path}.", f"chmod go-w {path}"))
    for private in (path / "secret.key", path / "erasures.jsonl"):
        if private.exists() and private.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            found.append(Finding("home", Grade.PROBLEM, f"Others may read {private}.", f"chmod 600 {private}"))
    free = shutil.disk_usage(path).free
    if free < LITTLE_SPACE:
        grade = Grade.PROBLEM if free < NO_SPACE else Grade.NOTE
        found.append(Finding("disk", grade, f"{free // 1024**2} MB are free at {path}.", "Make space: without any, nothing is taken in."))
    return found or [Finding("home", Grade.OK, f"{path} is private and has {free // 1024**3} GB free.")]


async def database(_house: House, session: AsyncSession) -> list[Finding]:
    """The server is new enough, knows letters beyond A to Z, keeps what it commits, and its clock is ours."""
    before = time.time()
    query = text(
        "SELECT current_setting('server_version_num')::int / 10000, lower('Ä') = 'ä', pg_encoding_to_char(encoding),"
        " current_setting('fsync') = 'on', extract(epoch FROM clock_timestamp())::float FROM pg_database WHERE datname = current_database()"
    )
    version, letters, encoding, durable, clock = (await session.execute(query)).one()
    skew = clock - (before + time.time()) / 2
    found: list[Finding] = []
    if version < 15:
        found.append(Finding("database", Grade.PROBLEM, f"PostgreSQL {version} is too old.", "Use PostgreSQL 15 or newer."))
    if encoding != "UTF8" or not letters:
        mend = "Make the database with ENCODING 'UTF8' and a locale such as C.UTF-8, and restore a backup into it."
        found.append(Finding("database", Grade.PROBLEM, f"Encoding {encoding}: letters such as Ä are not understood.", mend))
    if not durable:
        found.append(Finding("database", Grade.PROBLEM, "fsync is off: a power cut loses messages.", "Set fsync = on in postgresql.conf."))
    if abs(skew) > SKEW:
        mend = "Let both machines set their clocks by NTP: waits and undo windows are counted by them."
        found.append(Finding("clock", Grade.PROBLEM, f"The clocks of this machine and the database differ by {skew:.1f} s.", mend))
    return found or [Finding("database", Grade.OK, f"PostgreSQL {version}, up to date, its clock is right.")]


async def secrets(house: House, session: AsyncSession) -> list[Finding]:
    """The key opens every channel's settings."""
    found = list(await session.scalars(select(Channel).where(col(Channel.removed_at).is_(None), col(Channel.config) != "")))
    shut: list[str] = []
    for channel in found:
        try:
            channels.opened(house.vault, channel)
        except Unusable:
            shut.append(f"{channel.id} ({channel.name})")
    if shut:
        mend = "Set PARLEY_SECRET_KEY, or secret.key, to the key that was used then, or enter these channels' passwords again."
        return [Finding("key", Grade.PROBLEM, f"The key does not open the channels {', '.join(shut)}.", mend)]
    return [Finding("key", Grade.OK, f"It opens all {len(found)} channels.")]


async def public_address(house: House, _session: AsyncSession) -> list[Finding]:
    """The page, websockets and webhooks are reached through the public address, and it leads here."""
    url = house.settings.public_url
    async with httpx.AsyncClient(base_url=url, timeout=SECONDS) as client:
        try:
            said = (await client.get("/healthz")).json()
            hook = await client.post("/hooks/none", content=b"{}", headers={"content-type": "application/json"})
        except (httpx.HTTPError, ValueError) as error:
            mend = "Start Parley; look at the proxy, the firewall and the name's address; PARLEY_URL must be the address people use."
            return [Finding("address", Grade.PROBLEM, f"{url} does not answer as Parley does: {type(error).__name__}.", mend)]
    found: list[Finding] = []
    if said.get("installation") != health.installation(house):
        found.append(Finding("address", Grade.PROBLEM, f"{url} leads to another installation.", "Correct PARLEY_URL, or the proxy."))
    if hook.status_code == 421:
        mend = "Let the proxy pass the Host header, or add the name that it sends to PARLEY_ALLOWED_HOSTS."
        found.append(Finding("proxy", Grade.PROBLEM, f"Who asks {url} is refused: {hook.json().get('detail')}", mend))
    if hook.headers.get("content-type") != "application/problem+json":
        mend = "Let the proxy pass POST requests to /hooks/ as they are."
        found.append(Finding("webhooks", Grade.PROBLEM, f"A webhook to {url}/hooks/ does not reach Parley ({hook.status_code}).", mend))
    if urlsplit(url).scheme != said.get("scheme"):
        mend = "Let the proxy send X-Forwarded-Proto and -For, and name it in PARLEY_TRUSTED_PROXIES."
        found.append(Finding("proxy", Grade.PROBLEM, f"People use {urlsplit(url).scheme}, Parley sees {said.get('scheme')}.", mend))
    return [*found, *await _socket(url)] or [Finding("address", Grade.OK, f"{url} leads here; webhooks and websockets pass.")]


async def _socket(url: str) -> list[Finding]:
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException
    from websockets.typing import Origin

    try:
        async with asyncio.timeout(SECONDS), connect(url.replace("http", "ws", 1) + "/healthz/socket", origin=Origin(url)) as socket:
            await socket.recv()
    except (OSError, TimeoutError, WebSocketException) as error:
        mend = "Let the proxy pass websockets (Connection and Upgrade headers): without them the page is not live."
        return [Finding("websocket", Grade.PROBLEM, f"It does not pass {url}: {type(error).__name__}.", mend)]
    return []


async def mail_server(house: House, _session: AsyncSession) -> list[Finding]:
    """Parley's own mail can be handed in."""
    settings = house.settings
    if settings.smtp_url is None:
        mend = "Set PARLEY_SMTP_URL and PARLEY_MAIL_FROM, or hand invitation links over yourself."
        return [Finding("mail", Grade.NOTE, "Parley sends no mail of its own: no server is set.", mend)]
    try:
        await mail.check(settings.smtp_url.get_secret_value(), settings.mail_from)
    except ConnectorError as error:
        return [Finding("mail", Grade.PROBLEM, str(error), "Correct PARLEY_SMTP_URL; see that the server is reachable from here.")]
    if not settings.mail_from:
        return [Finding("mail", Grade.PROBLEM, "Parley's own mail has no sender.", "Set PARLEY_MAIL_FROM.")]
    return [Finding("mail", Grade.OK, "The server takes Parley's mail.")]


async def files(house: House, session: AsyncSession) -> list[Finding]:
    """Every attachment is there, and nothing else is kept; several machines share one folder."""
    named = {digest for digest in await session.scalars(select(col(Attachment.sha256)).distinct()) if digest}
    kept = await asyncio.to_thread(_kept, house.files)
    found: list[Finding] = []
    if missing := named - kept.keys():
        mend = f"Bring {house.files.folder} back from a backup, or share it between the machines that run Parley."
        found.append(Finding("files", Grade.PROBLEM, f"{len(missing)} attachments have no file.", mend))
    orphans = [digest for digest in kept.keys() - named if kept[digest] < time.time() - SILENT]
    if orphans:
        found.append(Finding("files", Grade.NOTE, f"{len(orphans)} files belong to no message any more.", "parley doctor --remove-orphans"))
    addresses = text(
        "SELECT count(DISTINCT client_addr) FROM pg_stat_activity WHERE datname = current_database() AND client_addr IS NOT NULL"
    )
    machines = await session.scalar(addresses) or 0
    if machines > 1:
        mend = f"Attachments are files: put {house.files.folder} on storage that all of them share."
        found.append(Finding("machines", Grade.NOTE, f"{machines} machines use this database.", mend))
    return found or [Finding("files", Grade.OK, f"{len(named)} attachments, each with its file.")]


def remove_orphans(kept: Files, named: Sequence[str]) -> int:
    """Remove files that are older than a day and that no message names; how many."""
    gone = [digest for digest, at in _kept(kept).items() if digest not in set(named) and at < time.time() - SILENT]
    for digest in gone:
        kept.path(digest).unlink(missing_ok=True)
    return len(gone)


def _kept(kept: Files) -> dict[str, float]:
    """The files that are there, with the time of their last use."""
    return {path.name: path.stat().st_mtime for path in kept.folder.glob("??/??/*") if len(path.name) == 64 and Path(path).is_file()}


def work(seen: Vitals) -> list[Finding]:
    """Nothing is held, stuck or silent."""
    found: list[Finding] = []
    if seen.held:
        found.append(Finding("held", Grade.NOTE, "This installation was restored: it neither reads nor sends.", "parley resume"))
    elif (seen.oldest_queued_seconds or 0) > STUCK:
        mend = "See that `parley serve` or `parley work` runs, and what the channels below say."
        found.append(Finding("replies", Grade.PROBLEM, f"A reply has been due for {seen.oldest_queued_seconds:.0f} s.", mend))
    if seen.ambiguous:
        found.append(
            Finding("replies", Grade.NOTE, f"{seen.ambiguous} replies may have been sent.", "Decide about each in its conversation.")
        )
    if seen.dead_letters:
        found.append(Finding("dead letters", Grade.NOTE, f"{seen.dead_letters} payloads could not be read.", "parley dead-letters list"))
    if seen.connections > 0.8 * seen.max_connections:
        mend = "Raise max_connections of the server, or run fewer processes."
        found.append(Finding("database", Grade.NOTE, f"{seen.connections} of {seen.max_connections} connections are used.", mend))
    found += [finding for channel in seen.channels for finding in _channel(channel)]
    return found or [Finding("work", Grade.OK, f"{len(seen.channels)} channels, {seen.queued} replies due, {seen.open_waits} open waits.")]


def _channel(channel: ChannelVitals) -> Iterator[Finding]:
    """It is read, it sends, it is heard, and goes on to be."""
    name = f"{channel.name} ({channel.id})"
    if channel.state in ("broken", "failing"):
        mend = "Reconnect it in the settings." if channel.state == "broken" else "It is tried again; see what the platform says."
        yield Finding("channel", Grade.PROBLEM, f"{name} is {channel.state}: {channel.error}", mend)
    if channel.send_error:
        mend = "Check the account in the settings; a reply that leaves ends this."
        yield Finding("channel", Grade.PROBLEM, f"{name} does not send: {channel.send_error}", mend)
    if channel.silent_since is not None:
        mend = f"See whether anything was said there; parley channel check {channel.id}. Its page says when it counts as silent."
        yield Finding(
            "channel", Grade.NOTE, f"{name} has been silent for unusually long, since {channel.silent_since:%Y-%m-%d %H:%M} UTC.", mend
        )
    if channel.token_seconds is not None and channel.token_seconds < ENDING and channel.state != "broken":
        days = int(channel.token_seconds // 86400)
        told = f"end in {days} days" if days > 0 else "end within a day" if channel.token_seconds > 0 else "have ended"
        grade = Grade.NOTE if channel.token_seconds > 0 else Grade.PROBLEM
        yield Finding("channel", grade, f"The credentials of {name} {told}.", "Enter new ones on its page in the settings.")
    if channel.open_gaps:
        mend = "Look at the platform whether somebody was missed, then say so on the channel's page."
        yield Finding("channel", Grade.NOTE, f"{name} has {channel.open_gaps} gaps that nobody has looked into.", mend)


async def vital(house: House, session: AsyncSession) -> list[Finding]:
    return work(await vitals.read(session, now=house.clock()))
