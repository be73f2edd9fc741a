"""Files of messages, fetched from the platforms' addresses: a link there ends with the post, or with the platform's patience."""

import asyncio

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from connectors import http
from connectors.host.place import Place
from inbox import pauses
from inbox.contract import AuthError, ConnectorError, FetchesFiles, Permanent
from inbox.conversations import fetching
from inbox.models import Attachment
from inbox.models.conversations import FETCH_TRIES

log = structlog.get_logger()
AT_ONCE = 4  # a few, so that a flood of pictures leaves room for replies
UNNAMED = "application/octet-stream"
LONGEST = 100.0  # seconds for one file; less than the pause before the second try


async def run(place: Place, stop: asyncio.Event) -> None:
    """Fetch what messages point to, until told to stop."""
    http.allow(place.settings.allow_private_networks)
    client = http.Client("The platform", limit=place.settings.max_upload_bytes)
    try:
        while not stop.is_set():
            try:
                pause = 0.0 if await _turn(place, client, stop) else place.pace.look
            except (SQLAlchemyError, psycopg.Error, OSError) as error:
                log.warning("files are not fetched: the database or the disk fails", error=type(error).__name__)
                pause = place.pace.look
            await pauses.happens(stop, pause)
    finally:
        await client.aclose()


async def _turn(place: Place, client: http.Client, stop: asyncio.Event) -> int:
    """Fetch the files that are due; how many there were. Told to stop, it leaves them to the next try."""
    async with place.database.transaction() as session:
        due = await fetching.claim(session, place.clock(), limit=AT_ONCE)
    if due:
        stopping = asyncio.create_task(stop.wait())
        fetched = asyncio.gather(*(_fetch(place, client, attachment) for attachment in due))
        try:
            await asyncio.wait({stopping, fetched}, return_when=asyncio.FIRST_COMPLETED)
            if fetched.done():
                fetched.result()
        finally:
            stopping.cancel()
            fetched.cancel()
    return len(due)


async def _fetch(place: Place, client: http.Client, attachment: Attachment) -> None:
    """One file. What will not change by trying again is given up at once; the rest is due again, until its tries are used up."""
    try:
        async with asyncio.timeout(LONGEST):
            content, kind = await _content(place, client, attachment)
    except Exception as error:  # an address may be anything
        log.info("a file could not be fetched", attachment=attachment.id, error=type(error).__name__)
        may_pass = isinstance(error, ConnectorError | TimeoutError) and not isinstance(error, Permanent | AuthError)
        if not may_pass or attachment.fetch_tries >= FETCH_TRIES:
            async with place.database.transaction() as session:
                await fetching.give_up(session, attachment, place.clock())
        return
    digest = await asyncio.to_thread(place.files.store, content)
    async with place.database.transaction() as session:
        await fetching.keep(session, attachment, digest=digest, size=len(content), media_type=kind, now=place.clock())


async def _content(place: Place, client: http.Client, attachment: Attachment) -> tuple[bytes, str]:
    """The bytes and their type: from a public address, or from the connector where the address is its own."""
    url = attachment.url or ""
    if url.partition(":")[0].lower() in {"http", "https"}:
        response = await client.follow(url)
        if not response.content:
            raise Permanent("The platform has an empty file there.")
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()[:100]
        return response.content, kind or UNNAMED
    async with place.database.transaction() as session:
        channel = await fetching.channel(session, attachment)
    connector = await place.accounts.take(channel)
    try:
        if not isinstance(connector, FetchesFiles):
            raise Permanent("The platform's files cannot be fetched by this address.")
        content = await connector.fetch_file(url)
    finally:
        await place.accounts.give_back(connector)
    if not 0 < len(content) <= place.settings.max_upload_bytes:
        raise Permanent("The file is empty, or larger than files may be here.")
    return content, UNNAMED
