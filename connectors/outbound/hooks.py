"""Webhooks that leave Parley: JSON, signed as Standard Webhooks defines it."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from connectors import http
from connectors.webhook import signatures
from inbox.contract import Permanent


async def send(url: str, secret: str, message: Mapping[str, Any], *, key: str, now: datetime) -> None:
    """Post one message; fails with the contract's errors. `key` is its webhook-id, the same for every try."""
    body = json.dumps(message, ensure_ascii=False).encode(errors="replace")
    try:
        signed = signatures.headers(signatures.key(secret), key, now, body)
    except ValueError as error:
        raise Permanent(f"The webhook cannot be signed: {error}.") from None
    await _client().fetch("POST", url, sending=True, content=body, headers=signed | {"content-type": "application/json"})


@cache
def _client() -> http.Client:
    return http.Client("The alerts' webhook")
