"""Addresses for Apprise that lead to this machine, into its network or to its files."""

import pytest

from connectors import http
from connectors.outbound import services
from inbox.contract import Permanent

pytestmark = [
    pytest.mark.skipif(not services.is_there(), reason="needs the extra alerts"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the library's imports
]

LONG = "a" * 68


@pytest.fixture(autouse=True)
def far() -> None:
    http.allow([])


@pytest.mark.parametrize(
    "address",
    [
        "json://127.0.0.1/",
        "JSON://127.0.0.1/",
        "jsons://localhost/",
        "json://localhost:8080/x",
        "json://2130706433/",  # the same machine, as one number
        "json://0x7f.1/",
        "json://[::1]/",
        "json://[::ffff:10.0.0.1]/",
        "xml://10.0.0.1/",
        "form://169.254.169.254/latest/meta-data",
        "json://8.8.8.8/, json://127.0.0.1/",  # Apprise takes several at once
        "json://8.8.8.8/ json://127.0.0.1/",
        "mailto://user:pass@8.8.8.8?smtp=127.0.0.1",
        "ntfy://127.0.0.1/topic",
        "mqtt://127.0.0.1/topic",
        "rsyslog://127.0.0.1",
        "irc://user@127.0.0.1/channel",
        f"discord://{LONG[:18]}/{LONG}/?template=/etc/passwd",
        "mailto://user:pass@8.8.8.8?pgppub=/etc/passwd&pgp=encrypt",
        "syslog://",
        "dbus://",
        "file:///etc/passwd",
        "https://[",
        "json://[",
        "\x00",
        "",
    ],
)
async def test_what_leads_to_this_machine_or_its_files_is_refused(address: str, monkeypatch: pytest.MonkeyPatch):
    import apprise

    told: list[object] = []

    async def notify(self: object, **words: object) -> bool:
        told.append(words)
        return True

    monkeypatch.setattr(apprise.Apprise, "async_notify", notify)
    with pytest.raises(Permanent):
        await services.send([address], "title", "text")
    assert told == []


@pytest.mark.parametrize(
    "address", ["json://8.8.8.8/", "ntfys://topic", f"discord://{LONG[:18]}/{LONG}", "tgram://123456789:abcdefg_hijklmnop/1"]
)
async def test_services_elsewhere_are_told_and_send_nobody_on(address: str, monkeypatch: pytest.MonkeyPatch):
    import apprise

    told: list[bool] = []

    async def notify(self: apprise.Apprise, **words: object) -> bool:
        told.extend(service.redirects for service in self)
        return True

    monkeypatch.setattr(apprise.Apprise, "async_notify", notify)
    await services.send([address], "title", "text")
    assert told == [False]


async def test_a_token_in_the_place_of_a_host_is_shown_to_no_name_server(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["8.8.8.8"]

    monkeypatch.setattr(http, "resolve", resolve)
    await services.check([f"discord://{LONG[:18]}/{LONG}", "json://example.org/"])
    assert asked == ["example.org"]
