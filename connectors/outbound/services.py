"""Every other service that Apprise knows (Slack, Signal, ntfy, SMS …); it comes with the extra `alerts`."""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from connectors import http
from inbox.contract import Ambiguous, Permanent, Transient

MISSING = "Apprise is not installed: pip install 'parley[alerts]' brings it."
LOCAL = frozenset({"blink1", "dbus", "kde", "qt", "glib", "gnome", "macosx", "windows", "syslog"})  # the server's own machine
FILES = ("keyfile", "subfile", "pgp_key", "pgp_privkey", "template")  # what a service reads from the server's disk, or from an address
HOSTS = ("host", "smtp_host")


def is_there() -> bool:
    """Whether Apprise is installed."""
    return find_spec("apprise") is not None


async def check(addresses: Iterable[str]) -> None:
    """Refuse what Apprise cannot read, and what leads to files or into a private network, as far as can be seen: it connects itself."""
    await _check(_apprise(addresses))


async def send(addresses: Iterable[str], title: str, text: str) -> None:
    """Tell all of these services."""
    services = _apprise(addresses)
    await _check(services)
    if not await services.async_notify(body=text, title=title):
        raise Ambiguous("A service did not take the alert, or not all of them did.")


async def _check(services: Iterable[Any]) -> None:
    """Look at each service as Apprise has understood it: one address may name several, and hosts elsewhere than at its beginning."""
    for service in services:
        if _schemes(service) & LOCAL:
            raise Permanent("A service of the server's own machine takes no alerts.")
        if _reads_files(service):
            raise Permanent("A service that reads a file takes no alerts.")
        service.redirects = False  # they would lead past this look
        for host in _hosts(service):
            try:
                await http.check(host, 443, name="The service")
            except Transient:
                continue  # a token in the place of the host, as many services have it


def _reads_files(service: Any) -> bool:
    """A template that is a text is the number of one that the service keeps itself."""
    given = {name: getattr(service, name, None) for name in FILES}
    return any(value for name, value in given.items() if name != "template" or not isinstance(value, (str, int)))


def _schemes(service: Any) -> set[str]:
    named = [getattr(service, name, None) or () for name in ("protocol", "secure_protocol")]
    return {str(scheme).lower() for given in named for scheme in ((given,) if isinstance(given, str) else given)}


def _hosts(service: Any) -> list[str]:
    """Where it connects to. What has no place for a host may keep a token there, which no name server shall see."""
    takes_host = "host" in getattr(service, "template_tokens", {})
    named = [str(getattr(service, name, None) or "") for name in HOSTS]
    named += [urlsplit(str(address)).hostname or "" for address in getattr(service, "relays", None) or ()]
    return [host.strip("[]") for host in named if host and (takes_host or any(sign in host for sign in ".:"))]


def _apprise(addresses: Iterable[str]) -> Any:  # a class of a library that may be missing
    if not is_there():
        raise Permanent(MISSING)
    import apprise  # brings every service that it knows

    services: Any = apprise.Apprise()
    for address in addresses:
        if not services.add(address):
            raise Permanent("Apprise does not know one of these addresses. https://appriseit.com lists how they are written.")
    return services
