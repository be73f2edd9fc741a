"""Asking for a websocket without a server."""

from typing import Any

from fastapi import FastAPI


async def knock(app: FastAPI, path: str, origin: str | None, cookies: dict[str, str]) -> int:
    """The status that a browser would see: 101 when the socket opens."""
    messages = await sent(app, path, origin, cookies)
    kinds = [message["type"] for message in messages]
    if "websocket.accept" in kinds:
        return 101
    return next((int(message["status"]) for message in messages if message["type"] == "websocket.http.response.start"), 403)


async def sent(app: FastAPI, path: str, origin: str | None, cookies: dict[str, str], *, host: str = "parley.test") -> list[dict[str, Any]]:
    """Ask for a websocket; what the application sends until it closes, or the first word after it was let in."""
    messages: list[dict[str, Any]] = []
    told = [(b"host", host.encode("latin1")), (b"cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()).encode())]
    told += [(b"origin", origin.encode())] if origin is not None else []
    scope: dict[str, Any] = {
        "type": "websocket",
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"after=0",
        "root_path": "",
        "headers": told,
        "subprotocols": [],
        "client": ("127.0.0.1", 1),
        "server": ("parley.test", 80),
        "extensions": {"websocket.http.response": {}},
    }
    words = iter([{"type": "websocket.connect"}])

    async def receive() -> dict[str, Any]:
        return next(words, {"type": "websocket.disconnect", "code": 1001})

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await app(scope, receive, send)
    return messages
