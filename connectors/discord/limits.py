"""How long to wait before a request, so that Discord need not refuse it (https://docs.discord.com/developers/topics/rate-limits).

A limit counts for a bucket, which the answer names, and for the channel or server in the path. Nothing is known of a route before its
first answer.
"""

import re
from collections.abc import Mapping
from time import monotonic

from connectors import http

NUMBER = re.compile(r"\d{5,}")
WHOLE = re.compile(r"^/(channels|guilds)/(\d+)")
REACTION = re.compile(r"/reactions/.*")
MOST_KNOWN = 2000


class Limits:
    """What the answers so far have told."""

    def __init__(self) -> None:
        self._buckets: dict[str, str] = {}  # by route
        self._until: dict[str, float] = {}  # by bucket and channel or server, when it is open again
        self._all_until = 0.0

    def pause(self, method: str, path: str) -> float:
        """Seconds until this request may leave."""
        return max(0.0, self._all_until - monotonic(), self._until.get(self._place(method, path), 0.0) - monotonic())

    def learn(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Take in what an answer says of its bucket."""
        bucket = headers.get("x-ratelimit-bucket")
        if bucket:
            _forget(self._buckets)
            self._buckets[_route(method, path)] = bucket
        if headers.get("x-ratelimit-remaining") == "0" and "x-ratelimit-reset-after" in headers:
            self._close(method, path, http.retry_after(headers["x-ratelimit-reset-after"]))

    def refused(self, method: str, path: str, seconds: float, *, is_global: bool) -> None:
        """Take in a refusal."""
        if is_global:
            self._all_until = monotonic() + seconds
        else:
            self._close(method, path, seconds)

    def _close(self, method: str, path: str, seconds: float) -> None:
        _forget(self._until)
        self._until[self._place(method, path)] = monotonic() + seconds

    def _place(self, method: str, path: str) -> str:
        route, whole = _route(method, path), WHOLE.match(path)
        return f"{self._buckets.get(route, route)} {whole[0] if whole else ''}"


def _route(method: str, path: str) -> str:
    """The path without ids: what shares a bucket."""
    return f"{method} {NUMBER.sub('*', REACTION.sub('/reactions', path.partition('?')[0]))}"


def _forget(known: dict[str, str] | dict[str, float]) -> None:
    while len(known) > MOST_KNOWN:
        del known[next(iter(known))]
