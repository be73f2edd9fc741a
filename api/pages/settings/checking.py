"""Trying an account out before its configuration is kept."""

import asyncio

import structlog

import connectors
from connectors import http
from connectors.host import accounts
from connectors.host.renewing import Tried
from inbox.contract import Author, Connector, ConnectorError, Renews
from inbox.errors import Conflict
from inbox.settings import Settings

LONGEST_SECONDS = 30
HIDDEN = frozenset({"demo"})  # comes with its own workspace

log = structlog.get_logger()


def platforms() -> dict[str, type[Connector]]:
    """What can be connected, by name. A package whose connector cannot be loaded is left out, and the log says why."""
    found: dict[str, type[Connector]] = {}
    for name in sorted(connectors.addresses()):
        if name in HIDDEN:
            continue
        try:
            found[name] = connectors.find(name)
        except (ImportError, AttributeError) as error:
            log.warning("a connector cannot be loaded", platform=name, error=str(error))
    return found


async def check(kind: type[Connector], tried: Tried, settings: Settings) -> Author:
    """Ask the platform whether the account can be read and answered from; Conflict with its own sentence when not.

    Either way `tried` has the secrets that it gave anew: the former ones may be worth nothing any more.
    """
    http.allow(settings.allow_private_networks)
    connector = kind(tried.config)
    if isinstance(connector, Renews):
        connector.lend(tried)
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            return await connector.check()
    except ConnectorError as error:
        raise Conflict("The account does not work: {reason}", code="check_failed", reason=str(error)) from None
    except TimeoutError:
        raise Conflict("The platform did not answer within {seconds} seconds.", code="check_failed", seconds=LONGEST_SECONDS) from None
    except Exception as error:  # a connector may be anybody's code
        log.exception("the check of an account failed", platform=kind.name)
        raise Conflict(
            "The connector failed ({reason}). The server's log says more.", code="check_failed", reason=type(error).__name__
        ) from None
    finally:
        await accounts.close(connector)
