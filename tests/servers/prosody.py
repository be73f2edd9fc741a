"""A real XMPP server for tests: Debian's prosody, on this machine only, without root's rights.

async with prosody.person("anna") as anna:          somebody with slixmpp, a client that is not ours
    anna.say("support@localhost", "Hello")
    await anna.hears("At nine.")                     the message with these words
prosody.stop(), .start()                             as when the server's machine restarts
"""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers.xmpp_client import Person

PLACES = "/usr/bin:/bin:/usr/sbin"
DOMAIN, ROOMS, FILES = "localhost", "rooms.localhost", "files.localhost"
PASSWORD = "hunter2-for-xmpp"
CONFIG = """
pidfile = "%(home)s/prosody.pid"
data_path = "%(home)s/data"
certificates = "%(home)s"
log = { { levels = { min = "info" }, to = "file", filename = "%(home)s/prosody.log" } }
daemonize = false
run_as_root = false
modules_enabled = { "roster", "saslauth", "tls", "disco", "carbons", "mam", "ping", "pep", "posix", "offline" }
modules_disabled = { "s2s" }
interfaces = { "127.0.0.1" }
c2s_ports = { %(port)d }
s2s_ports = {}
http_ports = { %(http)d }
http_interfaces = { "127.0.0.1" }
https_ports = {}
authentication = "internal_hashed"
storage = "internal"
c2s_require_encryption = true
default_archive_policy = true
archive_expires_after = "1d"
max_archive_query_results = 50
VirtualHost "localhost"
    ssl = { key = "%(home)s/key.pem", certificate = "%(home)s/certificate.pem" }
    disco_items = { { "%(rooms)s", "Rooms" }, { "%(files)s", "Files" } }
Component "%(rooms)s" "muc"
    modules_enabled = { "muc_mam" }
    muc_log_by_default = true
    muc_log_all_rooms = true
    muc_tombstones = false
    muc_room_locking = false
Component "%(files)s" "http_file_share"
    http_external_url = "http://127.0.0.1:%(http)d/"
    http_host = "127.0.0.1"
"""


@dataclass
class Prosody:
    home: Path
    port: int
    http: int
    process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        values = {"home": self.home, "port": self.port, "http": self.http, "rooms": ROOMS, "files": FILES}
        (self.home / "prosody.cfg.lua").write_text(CONFIG % values)
        (self.home / "data").mkdir()
        key = ec.generate_private_key(ec.SECP256R1())
        (self.home / "key.pem").write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        (self.home / "certificate.pem").write_bytes(_certificate(key).public_bytes(serialization.Encoding.PEM))
        if os.getuid() == 0:
            for path in (self.home, *self.home.rglob("*")):
                shutil.chown(path, "nobody", "nogroup")

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.home / "certificate.pem"))

    def start(self) -> None:
        self.process = subprocess.Popen(
            [_program("prosody"), "--config", str(self.home / "prosody.cfg.lua"), "-F"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.home, **_nobody(),
        )  # fmt: skip
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"prosody did not start: {(self.home / 'prosody.log').read_text()[-2000:]}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
            self.process = None

    def account(self, name: str) -> str:
        """A new account's address."""
        name = f"{name}-{secrets.token_hex(3)}"
        self._register(name, PASSWORD)
        return f"{name}@{DOMAIN}"

    def change_password(self, address: str, password: str) -> None:
        """While the server is stopped: it would not notice."""
        self._register(address.partition("@")[0], password)

    def _register(self, name: str, password: str) -> None:
        command = [_program("prosodyctl"), "--config", str(self.home / "prosody.cfg.lua"), "register", name, DOMAIN, password]
        subprocess.run(command, check=True, capture_output=True, cwd=self.home, timeout=30, **_nobody())

    @asynccontextmanager
    async def person(self, address: str, *rooms: str) -> AsyncIterator[Person]:
        """An account, signed in with a client that is not ours, and in these rooms under the name before the @."""
        person = Person(address, PASSWORD, self.trust, self.port)
        async with asyncio.timeout(30):
            await person.begin(*rooms)
        try:
            yield person
        finally:
            await person.end()


def _program(name: str) -> str:
    found = shutil.which(name, path=PLACES)
    assert found is not None
    return found


def _nobody() -> dict[str, object]:
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DOMAIN)]), datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in (DOMAIN, ROOMS, FILES)])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9)).add_extension(names, critical=False)
    return made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, hashes.SHA256())


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="session")
def prosody() -> Iterator[Prosody]:
    if shutil.which("prosody", path=PLACES) is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("prosody is not installed.")
    with tempfile.TemporaryDirectory(prefix="parley-prosody-") as folder:
        server = Prosody(Path(folder), _free_port(), _free_port())
        server.prepare()
        server.start()
        try:
            yield server
        finally:
            server.stop()
