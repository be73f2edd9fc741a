"""What a reply looks like as a status (https://docs.joinmastodon.org/methods/statuses/#create).

Length is counted as the server does: characters as people see them, any address as 23, of a name without its server
(https://docs.joinmastodon.org/user/posting/#text). The warning counts too.
"""

import re
import unicodedata

from connectors.mastodon.server import Json, Limits
from connectors.mastodon.shapes import Account, Status
from inbox.contract import Permanent

LINK = re.compile(r"https?://\S+", re.IGNORECASE)
NAME = re.compile(r"(?<![\w/])@(\w[\w.-]*)@[\w.-]+\w")
JOINER = "\u200d"


def status(text: str, parent: Status, me: Account, limits: Limits) -> Json:
    """The answer to a status: as private as that one is, with its warning, beginning with the names of those who are answered.

    Of a public talk only the one who is answered has to be named; where not all names fit, the others are left out.
    """
    shape: Json = {"in_reply_to_id": parent.id, "visibility": parent.visibility}
    if parent.spoiler_text:
        shape |= {"spoiler_text": parent.spoiler_text, "sensitive": True}
    needed, others = _named(parent, me)
    if parent.is_direct:
        needed, others = needed + others, []
    for names in (needed + others, needed):
        words = _addressed(text, names)
        over = length(f"{parent.spoiler_text}{words}", limits.link) - limits.characters
        if over <= 0:
            return shape | {"status": words}
    raise Permanent(f"The reply is {over} too long for this server, which takes {limits.characters}, with the names that it begins with.")


def length(text: str, link: int) -> int:
    """Length of a text in user-perceived characters, addresses as `link` each. Flags and skins count twice: never less than there."""
    count, before = 0, ""
    for character in NAME.sub(r"@\1", LINK.sub("x" * link, unicodedata.normalize("NFC", text))):
        kind = unicodedata.category(character)
        is_joined = before == JOINER and kind == "So"
        count += not (is_joined or character == JOINER or kind in {"Mn", "Me", "Mc"})
        before = character
    return count


def _named(parent: Status, me: Account) -> tuple[list[str], list[str]]:
    """Who is answered, and who else is named there; never ourselves."""
    author = [] if parent.account.id == me.id else [parent.account.acct]
    others = [mention.acct for mention in parent.mentions if mention.id not in {me.id, parent.account.id}]
    return (author, others) if author else (others[:1], others[1:])


def _addressed(text: str, names: list[str]) -> str:
    missing = [f"@{name}" for name in names if not re.search(rf"(?<!\w)@{re.escape(name)}(?![\w@])", text, re.IGNORECASE)]
    return " ".join([*missing, text]) if text else " ".join(missing)
