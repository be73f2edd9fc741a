"""A feed from the web, only where it has changed (https://www.rfc-editor.org/rfc/rfc9110#section-13), and only if it is harmless."""

import base64
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.parsers import expat  # only to look how deep it is, before anything else reads it

from connectors import http
from connectors.feed.config import FeedConfig
from inbox.contract import Permanent, Transient

LIMIT = 5 * 1024 * 1024  # bytes of a feed
BROKEN_LIMIT = 256 * 1024  # bytes of one that is not well-formed: what reads those anyway takes the square of their depth
DEEPEST = 200  # elements within each other
MOST_REDIRECTS = 5
ELSEWHERE = {301, 302, 303, 307, 308}
ACCEPTED = "application/atom+xml, application/rss+xml, application/rdf+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came; `content` is empty where nothing has changed."""

    content: bytes
    address: str
    media_type: str = ""
    etag: str = ""
    modified: str = ""


async def fetch(client: http.Client, config: FeedConfig, *, etag: str = "", modified: str = "") -> Fetched:
    """The feed, wherever it has moved; the password goes to no other host."""
    address = config.address
    headers = {"accept": ACCEPTED} | ({"if-none-match": etag} if etag else {}) | ({"if-modified-since": modified} if modified else {})
    for _ in range(MOST_REDIRECTS + 1):
        expected = {*ELSEWHERE, HTTPStatus.NOT_MODIFIED, HTTPStatus.GONE}
        response = await client.fetch("GET", address, headers=headers | _credentials(config, address), expected=expected)
        if response.status_code == HTTPStatus.GONE:
            raise Permanent("The feed is gone for good, its server says.")
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            return Fetched(b"", address, etag=etag, modified=modified)
        if response.status_code not in ELSEWHERE:
            told = response.headers
            return Fetched(
                response.content, address, told.get("content-type", ""), told.get("etag", "")[:500], told.get("last-modified", "")[:100]
            )
        address = urljoin(address, response.headers.get("location", ""))
    raise Permanent("The feed's server sends us from one address to another.")


def check(content: bytes) -> None:
    """Refuse what would take long to read or grow: entities, deep nesting, and what is broken and large."""
    if b"<!ENTITY" in content.replace(b"\x00", b"").upper():  # without the zeros of UTF-16
        raise Transient("The feed defines entities, which are not read.")
    depth = 0

    def begins(name: str, attributes: Any) -> None:  # noqa: ARG001  # expat calls it so
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise Transient("The feed nests its elements too deep.")

    def ends(name: str) -> None:  # noqa: ARG001
        nonlocal depth
        depth -= 1

    def declares(*_: Any) -> None:
        raise Transient("The feed defines entities, which are not read.")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.EntityDeclHandler = begins, ends, declares
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError):
        if len(content) > BROKEN_LIMIT:
            raise Transient("The feed is not well-formed.") from None


def _credentials(config: FeedConfig, address: str) -> dict[str, str]:
    pair = f"{config.username}:{config.password.get_secret_value()}"
    if pair == ":" or urlsplit(address)[:2] != urlsplit(config.address)[:2]:
        return {}
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
