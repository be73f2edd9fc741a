"""A platform in a process of its own: takes replies over HTTP and keeps an append-only record of what it accepted.

`python -m tests.load.platform RECORD` prints its port. It is not idempotent, unless the address says so. Its mood is set by
POST /mood/NAME: "open", "hold before" (nothing is accepted until the mood changes; a caller that has hung up by then is forgotten),
"hold answers" (accepted at once, answered when the mood changes).
"""

import json
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class Platform(ThreadingHTTPServer):
    """What all requests share."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, record: Path) -> None:
        super().__init__(("127.0.0.1", 0), Door)
        self.record = record
        self.record.touch()
        self.mood = "open"
        self.held: set[str] = set()
        self.lock = threading.Lock()

    def accepted(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    def accept(self, key: str, channel: str, *, once: bool) -> str:
        """Write the reply down, durably, and give it an id; with `once`, a key that is known gets its old id."""
        with self.lock:
            known = [entry["id"] for entry in self.accepted() if (entry["key"], entry["channel"]) == (key, channel)]
            if once and known:
                return known[0]
            external_id = f"{channel}-{len(self.accepted()) + 1}"
            with self.record.open("a") as file:
                file.write(json.dumps({"id": external_id, "key": key, "channel": channel, "at": time.time()}) + "\n")
                file.flush()
                os.fsync(file.fileno())
            return external_id

    def wait_while(self, mood: str, key: str) -> None:
        with self.lock:
            self.held |= {key} if self.mood == mood else set()
        while self.mood == mood:
            time.sleep(0.01)


class Door(BaseHTTPRequestHandler):
    """One request."""

    server: Platform
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if path.startswith("/mood/"):
            self.server.mood, self.server.held = path.removeprefix("/mood/"), set()
            self.answer(200, {})
            return
        given = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.wait_while("hold before", given["key"])
        if self.hung_up():
            return
        external_id = self.server.accept(given["key"], given["channel"], once=path.endswith("/once"))
        self.server.wait_while("hold answers", given["key"])
        self.answer(200, {"id": external_id})

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/held":
            self.answer(200, {"held": len(self.server.held)})
            return
        (key,), (channel,) = parse_qs(url.query)["key"], parse_qs(url.query)["channel"]
        found = [entry for entry in self.server.accepted() if (entry["key"], entry["channel"]) == (key, channel)]
        self.answer(200, {"id": found[0]["id"] if found else None})

    def hung_up(self) -> bool:
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def answer(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        return


if __name__ == "__main__":
    platform = Platform(Path(sys.argv[1]))
    print(platform.server_port, flush=True)  # noqa: T201
    platform.serve_forever()
