"""Every connector there is: the built-in ones, and those of installed packages (entry points of the group "parley.connectors")."""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from inbox.contract import Connector
from inbox.errors import NotFound

GROUP = "parley.connectors"
BUILT_IN = {
    "appstore": "connectors.appstore:AppStore",
    "demo": "connectors.demo:Demo",
    "discourse": "connectors.discourse:Discourse",
    "email": "connectors.email:Email",
    "feed": "connectors.feed:Feed",
    "googlebusiness": "connectors.googlebusiness:GoogleBusiness",
    "googleplay": "connectors.googleplay:GooglePlay",
    "irc": "connectors.irc:Irc",
    "lemmy": "connectors.lemmy:Lemmy",
    "mastodon": "connectors.mastodon:Mastodon",
    "matrix": "connectors.matrix:Matrix",
    "telegram": "connectors.telegram:Telegram",
    "trustpilot": "connectors.trustpilot:Trustpilot",
    "webhook": "connectors.webhook:Webhook",
    "widget": "connectors.widget:Widget",
    "wordpress": "connectors.wordpress:WordPress",
}


@cache
def find(platform: str) -> type[Connector]:
    """The connector of a platform; imported when it is first asked for."""
    path = addresses().get(platform)
    if path is None:
        raise NotFound(
            "There is no connector for {platform}. Known: {known}.",
            code="no_connector",
            platform=platform,
            known=", ".join(sorted(addresses())),
        )
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


@cache
def addresses() -> dict[str, str]:
    """Where each platform's connector is ("module:class"); what a package brings does not replace what is built in."""
    found = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    return found | BUILT_IN
