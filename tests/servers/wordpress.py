"""A real WordPress for tests: Debian's, with a MariaDB and PHP's own web server, on this machine only.

wordpress.php("return wp_insert_comment([...]);")   anything, as WordPress itself would do it; what it returns comes back as JSON
wordpress.stop(), .start()                          as when the site's machine restarts
"""

import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

SOURCE = Path("/usr/share/wordpress")
PROGRAMS = ("php", "mariadbd", "mariadb-install-db")
PLACES = "/usr/sbin:/usr/bin:/bin"
CONFIG = """<?php
define('DB_NAME', 'wordpress'); define('DB_USER', 'root'); define('DB_PASSWORD', ''); define('DB_HOST', 'localhost:%(socket)s');
define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
define('WP_ENVIRONMENT_TYPE', 'local'); // application passwords without https
define('DISABLE_WP_CRON', true); define('WP_HTTP_BLOCK_EXTERNAL', true); define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_HOME', '%(address)s'); define('WP_SITEURL', '%(address)s');
define('AUTH_KEY', '%(key)s'); define('SECURE_AUTH_KEY', '%(key)s'); define('LOGGED_IN_KEY', '%(key)s'); define('NONCE_KEY', '%(key)s');
define('AUTH_SALT', '%(key)s'); define('SECURE_AUTH_SALT', '%(key)s'); define('LOGGED_IN_SALT', '%(key)s'); define('NONCE_SALT', '%(key)s');
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
CREATE = """
mysqli_report(MYSQLI_REPORT_OFF);
$link = mysqli_connect('localhost', 'root', '', '', 0, '%(socket)s');
exit($link && $link->query('CREATE DATABASE wordpress') ? 0 : 1);
"""
INSTALL = """
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('The Shop', 'shop', 'shop@shop.example', true, '', 'sign-in');
"""
RUN = """<?php
%(before)s
require '%(root)s/wp-load.php';
$given = json_decode(file_get_contents('php://stdin'), true);
$result = (function () use ($given) { %(code)s })();
echo "\\n=>" . json_encode($result);
"""
PREPARE = """
update_option('comment_moderation', '0'); update_option('comment_previously_approved', '0'); update_option('comments_notify', '0');
update_option('moderation_notify', '0'); update_option('close_comments_for_old_posts', '0');
wp_delete_comment(1, true);
"""
USER = """
$user = wp_insert_user(['user_login' => $given['name'], 'user_pass' => wp_generate_password(), 'role' => $given['role'],
    'user_email' => $given['name'] . '@shop.example', 'display_name' => ucfirst($given['name'])]);
return ['id' => $user, 'password' => WP_Application_Passwords::create_new_application_password($user, ['name' => 'Parley'])[0]];
"""
SAY = """
return array_map(fn($one) => wp_insert_comment(wp_slash($one + ['comment_post_ID' => $given['post'], 'comment_author' => 'Anna',
    'comment_author_email' => 'anna@customer.example', 'comment_approved' => 1])), $given['comments']);
"""


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the site, with an application password."""

    id: int
    name: str
    password: str


@dataclass
class WordPress:
    """The site's processes."""

    home: Path
    port: int
    user: str | None
    database: subprocess.Popen[bytes] | None = None
    web: subprocess.Popen[bytes] | None = None
    people: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def root(self) -> Path:
        return self.home / "site"

    def person(self, role: str = "administrator") -> Person:
        self.people += 1
        name = f"mira{self.people}"
        made = self.php(USER, name=name, role=role)
        return Person(made["id"], name, made["password"])

    def post(self, title: str = "Opening hours", **more: Any) -> int:
        shape = {"post_title": title, "post_content": "We are open.", "post_excerpt": "When we are open", "post_status": "publish", **more}
        return int(self.php("return wp_insert_post($given['shape']);", shape=shape))

    def say(self, post: int, text: str, **more: Any) -> int:
        """A visitor's comment."""
        return self.say_all(post, [{"comment_content": text, **more}])[0]

    def say_all(self, post: int, comments: Sequence[dict[str, Any]]) -> list[int]:
        return [int(number) for number in self.php(SAY, post=post, comments=list(comments))]

    def comments(self, post: int) -> list[dict[str, Any]]:
        """What stands there, in whatever state, as the database has it."""
        return self.php(
            "return get_comments(['post_id' => $given['post'], 'status' => 'any', 'orderby' => 'comment_ID', 'order' => 'ASC']);", post=post
        )

    def php(self, code: str, before: str = "", **given: Any) -> Any:
        """Run code within WordPress."""
        script = RUN % {"root": self.root, "code": code, "before": before}
        done = self._run(["php", "-d", "display_errors=stderr", "-r", script.removeprefix("<?php")], stdin=json.dumps(given).encode())
        return json.loads(done.rpartition("\n=>")[2])

    def install(self) -> None:
        shutil.copytree(SOURCE, self.root, symlinks=True, ignore=shutil.ignore_patterns("wp-config.php", "wp-content"))
        for folder in ("plugins", "themes", "uploads"):
            (self.root / "wp-content" / folder).mkdir(parents=True)
        values = {"socket": self.home / "socket", "address": self.address, "key": secrets.token_hex(32)}
        (self.root / "wp-config.php").write_text(CONFIG % values)
        (self.home / "data").mkdir()
        if self.user:
            shutil.chown(self.home, self.user)
            shutil.chown(self.home / "data", self.user)
        self._run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={self.home / 'data'}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ]
        )
        self._start_database()
        self.php(INSTALL, before="define('WP_INSTALLING', true);")
        self.php(PREPARE)

    def start(self) -> None:
        """The web server, with more than one worker: one may be at work on a slow request."""
        self.web = self._popen(["php", "-S", f"127.0.0.1:{self.port}", "-t", str(self.root)], PHP_CLI_SERVER_WORKERS="3")
        self._until(lambda: httpx.get(f"{self.address}/?rest_route=/", timeout=20).status_code == 200, self.web)

    def stop(self) -> None:
        """The workers are children in the server's own group, and do not end with it."""
        if self.web is not None:
            os.killpg(self.web.pid, signal.SIGTERM)
            self.web.wait(20)
            self.web = None

    def close(self) -> None:
        self.stop()
        if self.database is not None:
            self.database.terminate()
            self.database.wait(60)

    def _start_database(self) -> None:
        command = ["mariadbd", "--no-defaults", f"--datadir={self.home / 'data'}", f"--socket={self.home / 'socket'}", "--skip-networking"]
        self.database = self._popen([*command, f"--pid-file={self.home / 'pid'}", "--innodb-flush-log-at-trx-commit=0"])
        create = CREATE % {"socket": self.home / "socket"}
        self._until(lambda: subprocess.run(["php", "-r", create], capture_output=True, timeout=20).returncode == 0, self.database)

    def _popen(self, command: list[str], **environment: str) -> subprocess.Popen[bytes]:
        with (self.home / "output").open("ab") as output:
            return subprocess.Popen(
                command, cwd=self.home, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, user=self.user,
                env={"PATH": PLACES, "HOME": str(self.home), **environment},
            )  # fmt: skip

    def _run(self, command: list[str], stdin: bytes = b"") -> str:
        environment = {"PATH": PLACES, "HOME": str(self.home)}
        done = subprocess.run(command, cwd=self.home, input=stdin, capture_output=True, timeout=120, user=self.user, env=environment)
        assert done.returncode == 0, f"{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}"[-4000:]
        return done.stdout.decode()

    def _until(self, ready: Any, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                if ready():
                    return
            except httpx.HTTPError:
                pass
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"It did not start:\n{(self.home / 'output').read_text(errors='replace')[-4000:]}")
            time.sleep(0.1)


@pytest.fixture(scope="session")
def wordpress() -> Iterator[WordPress]:
    missing = [name for name in PROGRAMS if shutil.which(name, path=PLACES) is None] + ([] if SOURCE.exists() else ["wordpress"])
    if missing:
        reason = f"Not installed: {', '.join(missing)} (apt-get install wordpress mariadb-server php-cli php-mysql)."
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    with running() as site:
        yield site


@contextmanager
def running() -> Iterator[WordPress]:
    home = Path(tempfile.mkdtemp(prefix="parley-wordpress-"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    site = WordPress(home, port, _unprivileged())
    try:
        site.install()
        site.start()
        yield site
    finally:
        site.close()
        shutil.rmtree(home, ignore_errors=True)


def _unprivileged() -> str | None:
    """Another user, where we are root: MariaDB does not run as root."""
    return pwd.getpwnam("nobody").pw_name if os.geteuid() == 0 else None
