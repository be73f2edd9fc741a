"""Every connector there is: the built-in ones, and those of installed packages (entry points of the group "parley.connectors")."""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from pydantic import BaseModel

from inbox.contract import Capabilities, Connector, Counts, Lists, Narrows
from inbox.errors import NotFound

GROUP = "parley.connectors"
BUILT_IN = {
    "appstore": "connectors.appstore:AppStore",
    "bluesky": "connectors.bluesky:Bluesky",
    "demo": "connectors.demo:Demo",
    "discord": "connectors.discord:Discord",
    "discourse": "connectors.discourse:Discourse",
    "email": "connectors.email:Email",
    "facebook": "connectors.facebook:Facebook",
    "feed": "connectors.feed:Feed",
    "github": "connectors.github:GitHub",
    "googlebusiness": "connectors.googlebusiness:GoogleBusiness",
    "googleplay": "connectors.googleplay:GooglePlay",
    "instagram": "connectors.instagram:Instagram",
    "irc": "connectors.irc:Irc",
    "lemmy": "connectors.lemmy:Lemmy",
    "line": "connectors.line:Line",
    "linkedin": "connectors.linkedin:LinkedIn",
    "mastodon": "connectors.mastodon:Mastodon",
    "matrix": "connectors.matrix:Matrix",
    "nostr": "connectors.nostr:Nostr",
    "reddit": "connectors.reddit:Reddit",
    "slack": "connectors.slack:Slack",
    "telegram": "connectors.telegram:Telegram",
    "threads": "connectors.threads:Threads",
    "tiktok": "connectors.tiktok:TikTok",
    "trustpilot": "connectors.trustpilot:Trustpilot",
    "twitch": "connectors.twitch:Twitch",
    "webhook": "connectors.webhook:Webhook",
    "whatsapp": "connectors.whatsapp:WhatsApp",
    "widget": "connectors.widget:Widget",
    "wordpress": "connectors.wordpress:WordPress",
    "x": "connectors.x:X",
    "xmpp": "connectors.xmpp:Xmpp",
    "youtube": "connectors.youtube:YouTube",
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


def lists(platform: str) -> bool:
    """Whether the platform lists or counts what it has, so that what came in can be compared with that."""
    return issubclass(find(platform), Lists | Counts)


def allowed(kind: type[Connector], config: BaseModel) -> Capabilities:
    """What an account with this configuration can do."""
    return config.narrow(kind.capabilities) if isinstance(config, Narrows) else kind.capabilities


@cache
def addresses() -> dict[str, str]:
    """Where each platform's connector is ("module:class"); what a package brings does not replace what is built in."""
    found = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    return found | BUILT_IN
