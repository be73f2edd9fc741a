"""Real mail servers for tests: dovecot keeps the mailboxes, opensmtpd takes mail in; both listen on this machine only.

mailservers.account("support")              a new mailbox: its address
mailservers.config(address)                 an EmailConfig for it
mailservers.send(text, sender, *to)         a customer hands in a mail (SMTP)
mailservers.letters(address, "INBOX")       what lies in a folder, parsed
"""

import imaplib
import os
import secrets
import shutil
import smtplib
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from connectors.email.config import EmailConfig
from tests.servers.mailconfigs import DOVECOT_CONFIG, OAUTH_CONFIG, SMTPD_CONFIG

DOVECOT = shutil.which("dovecot", path="/usr/sbin:/usr/bin")
SMTPD = shutil.which("smtpd", path="/usr/sbin:/usr/bin")
SMTPCTL = shutil.which("smtpctl", path="/usr/sbin:/usr/bin")
OPENSSL = shutil.which("openssl")
MAIL_OWNER = 65534  # nobody, in every Debian
HERE = "127.0.0.1"


@dataclass
class MailServers:
    """Both servers, running."""

    home: Path
    imap_port: int
    imaps_port: int
    lmtp_port: int
    smtp_port: int
    oauth_port: int
    refusing_port: int  # a server that knows nobody: mail to refused.example comes back from there
    password: str = "correct-horse-battery-staple"  # of every mailbox
    tokens: dict[str, str] = field(default_factory=dict)  # access token → address, as the token server believes them
    made: int = 0

    @property
    def certificate(self) -> str:
        return (self.home / "certificate.pem").read_text()

    @property
    def token_url(self) -> str:
        return f"http://{HERE}:{self.oauth_port}/token"

    def account(self, name: str, domain: str = "shop.example") -> str:
        """The address of an empty mailbox: dovecot makes it when it is first used."""
        self.made += 1
        return f"{name}{self.made}@{domain}"

    def config(self, address: str, **changes: object) -> EmailConfig:
        """A connector's settings for this mailbox; anything may be changed."""
        settings: dict[str, object] = {
            "address": address,
            "display_name": "The Shop",
            "imap_host": HERE,
            "imap_port": self.imap_port,
            "imap_security": "none",
            "password": self.password,
            "smtp_host": HERE,
            "smtp_port": self.smtp_port,
            "smtp_security": "none",
            "smtp_sign_in": False,
            "certificate": self.certificate,
            "timeout": 5,
        }
        return EmailConfig.model_validate(settings | changes)

    def send(self, mail: str | bytes | EmailMessage, sender: str, *to: str) -> None:
        """Hand in a mail as a customer's program does."""
        with smtplib.SMTP(HERE, self.smtp_port, timeout=10) as client:
            client.sendmail(sender, to, mail.as_bytes(policy=policy.SMTP) if isinstance(mail, EmailMessage) else mail)

    def letters(self, address: str, folder: str = "INBOX") -> list[EmailMessage]:
        """What lies in a folder, oldest first."""
        with self.signed_in(address) as client:
            client.select(folder, readonly=True)
            _, found = client.search(None, "ALL")
            answers = [client.fetch(number.decode(), "(BODY.PEEK[])")[1][0] for number in found[0].split()]
        return [message_from_bytes(answer[1], policy=policy.default) for answer in answers if isinstance(answer, tuple)]

    def wait_for(self, address: str, count: int = 1, folder: str = "INBOX") -> list[EmailMessage]:
        """The mails of a folder as soon as there are so many."""
        deadline = time.monotonic() + 20
        while len(found := self.letters(address, folder)) < count:
            assert time.monotonic() < deadline, f"{len(found)} mails instead of {count} came to {address}"
            time.sleep(0.05)
        return found

    @contextmanager
    def signed_in(self, address: str) -> Iterator[imaplib.IMAP4]:
        client = imaplib.IMAP4(HERE, self.imap_port, timeout=10)
        try:
            client.login(address, self.password)
            yield client
        finally:
            client.logout()

    def put(self, address: str, mail: bytes, folder: str = "INBOX") -> None:
        """Lay a mail into a folder, past the mail server."""
        with self.signed_in(address) as client:
            status, _ = client.append(folder, "", imaplib.Time2Internaldate(time.time()), mail)
            assert status == "OK"


def available() -> str:
    """Why the servers cannot be started here; "" when they can."""
    if not (DOVECOT and SMTPD and SMTPCTL and OPENSSL):
        return "needs dovecot-imapd, dovecot-lmtpd, opensmtpd and openssl"
    if os.geteuid() != 0:
        return "dovecot and opensmtpd can only be started by root"
    return ""


@pytest.fixture(scope="session")
def mailservers() -> Iterator[MailServers]:
    reason = available()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(f"CI installs the mail servers: {reason}")
    if reason:
        pytest.skip(reason)
    with running() as servers:
        yield servers


@contextmanager
def running() -> Iterator[MailServers]:
    """Both servers on free ports of this machine, in a folder that goes with them."""
    home = Path(tempfile.mkdtemp(prefix="parley-mail-"))
    servers = MailServers(home, *_free_ports(6))
    children: list[subprocess.Popen[bytes]] = []
    helpers = [_token_server(servers), _refusing_server(servers)]
    for helper in helpers:
        threading.Thread(target=helper.serve_forever, daemon=True).start()
    try:
        _prepare(servers)
        children.append(_start([str(DOVECOT), "-F", "-c", str(home / "dovecot.conf")], home / "dovecot.out"))
        children.append(_start([str(SMTPD), "-d", "-f", str(home / "smtpd.conf")], home / "smtpd.out"))
        for port in (servers.imap_port, servers.imaps_port, servers.lmtp_port, servers.smtp_port):
            _wait_for_port(port, children, home)
        _empty_queue()
        yield servers
        _empty_queue()
    finally:
        for child in reversed(children):
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for helper in helpers:
            helper.shutdown()
            helper.server_close()
        shutil.rmtree(home, ignore_errors=True)


def _prepare(servers: MailServers) -> None:
    home = servers.home
    home.chmod(0o755)
    (home / "mail").mkdir()
    os.chown(home / "mail", MAIL_OWNER, MAIL_OWNER)
    make_key = [
        str(OPENSSL),
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=mail.shop.example",
    ]
    names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    files = ["-keyout", str(home / "key.pem"), "-out", str(home / "certificate.pem")]
    subprocess.run([*make_key, *names, *files], check=True, capture_output=True)
    (home / "key.pem").chmod(0o600)
    values = {
        "home": home,
        "owner": MAIL_OWNER,
        "password": servers.password,
        "imap": servers.imap_port,
        "imaps": servers.imaps_port,
        "lmtp": servers.lmtp_port,
        "smtp": servers.smtp_port,
        "oauth": servers.oauth_port,
        "refusing": servers.refusing_port,
    }
    for name, text in (("dovecot.conf", DOVECOT_CONFIG), ("oauth2.conf", OAUTH_CONFIG), ("smtpd.conf", SMTPD_CONFIG)):
        (home / name).write_text(text.format(**values))
        (home / name).chmod(0o600)


def _empty_queue() -> None:
    """opensmtpd has one queue for the whole machine: nothing of an earlier run, and nothing of ours for the next one."""
    subprocess.run([str(SMTPCTL), "remove", "all"], check=False, capture_output=True)


def _start(command: list[str], output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as written:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=written, stderr=subprocess.STDOUT)


def _wait_for_port(port: int, children: list[subprocess.Popen[bytes]], home: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection((HERE, port), timeout=1):
                return
        except OSError:
            dead = [child.args for child in children if child.poll() is not None]
            if dead or time.monotonic() > deadline:
                logs = "\n".join(path.read_text(errors="replace") for path in home.glob("*.out")) + _log(home)
                raise RuntimeError(f"A mail server did not start: {dead or port}\n{logs}") from None
            time.sleep(0.05)


def _log(home: Path) -> str:
    path = home / "dovecot.log"
    return path.read_text(errors="replace") if path.exists() else ""


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((HERE, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _token_server(servers: MailServers) -> ThreadingHTTPServer:
    """Hands out access tokens for a refresh token (which is the address itself) and tells dovecot which ones are good."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            form = {name: found[0] for name, found in parse_qs(self.rfile.read(length).decode()).items()}
            if self.path == "/token":
                self._token(form)
            else:
                self._introspect(form.get("token", ""))

        def _token(self, form: dict[str, str]) -> None:
            address = form.get("refresh_token", "")
            if "@" not in address or form.get("client_id") != "parley":
                self._answer(400, '{"error": "invalid_grant"}')
                return
            token = secrets.token_hex(16)
            servers.tokens[token] = address
            self._answer(200, f'{{"access_token": "{token}", "token_type": "Bearer", "expires_in": 3600}}')

        def _introspect(self, token: str) -> None:
            address = servers.tokens.get(token)
            self._answer(200, f'{{"active": true, "username": "{address}"}}' if address else '{"active": false}')

        def _answer(self, status: int, body: str) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    return ThreadingHTTPServer((HERE, servers.oauth_port), Handler)


def _refusing_server(servers: MailServers) -> socketserver.BaseServer:
    """The mail server of a company where nobody has the address that was written to."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 mx.refused.example\r\n")
            for line in self.rfile:
                verb = line[:4].upper()
                answers = {b"EHLO": b"250 mx.refused.example", b"RCPT": b"550 5.1.1 No such user here", b"QUIT": b"221 2.0.0 Bye"}
                self.wfile.write(answers.get(verb, b"250 2.0.0 Ok") + b"\r\n")
                if verb == b"QUIT":
                    return

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    return Server((HERE, servers.refusing_port), Handler)
