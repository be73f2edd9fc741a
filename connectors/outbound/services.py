"""Every other service that Apprise knows (Slack, Signal, ntfy, SMS …); it comes with the extra `alerts`."""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from connectors import http
from inbox.contract import Ambiguous, Permanent, Transient

MISSING = "Apprise is not installed: pip install 'parley[alerts]' brings it."
LOCAL = frozenset({"dbus", "kde", "qt", "glib", "gnome", "macosx", "windows", "syslog"})  # these talk to the server's own machine


def is_there() -> bool:
    """Whether Apprise is installed."""
    return find_spec("apprise") is not None


async def check(addresses: Iterable[str]) -> None:
    """Refuse what Apprise cannot read, and what leads into a private network, as far as can be seen beforehand: Apprise connects itself."""
    _apprise(addresses)
    for address in addresses:
        host = urlsplit(address).hostname or ""
        if urlsplit(address).scheme.lower() in LOCAL:
            raise Permanent("A service of the server's own machine takes no alerts.")
        if "." in host or host == "localhost" or ":" in host:
            try:
                await http.check(host, 443, name="The service")
            except Transient:
                continue  # a token in the place of the host, as many services have it


async def send(addresses: Iterable[str], title: str, text: str) -> None:
    """Tell all of these services."""
    found = list(addresses)
    await check(found)
    if not await _apprise(found).async_notify(body=text, title=title):
        raise Ambiguous("A service did not take the alert, or not all of them did.")


def _apprise(addresses: Iterable[str]) -> Any:  # a class of a library that may be missing
    if not is_there():
        raise Permanent(MISSING)
    import apprise  # brings every service that it knows

    services: Any = apprise.Apprise()
    for address in addresses:
        if not services.add(address):
            raise Permanent("Apprise does not know one of these addresses. https://appriseit.com lists how they are written.")
    return services
