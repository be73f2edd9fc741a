"""What a message says: its words and its files, without what is there only for clients that know less. Pure.

https://xmpp.org/extensions/xep-0428.html (fallbacks), https://xmpp.org/extensions/xep-0066.html (links to files), https://xmpp.org/extensions/xep-0380.html
(encryption)
"""

import mimetypes
import re
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from connectors.xmpp.stanzas import BODY, text
from inbox.contract import Attachment

UNREADABLE = "This message is encrypted: it cannot be read here."
OMEMO, OLD_OMEMO = "{urn:xmpp:omemo:2}", "{eu.siacs.conversations.axolotl}"
ENCRYPTED = {  # what it looks like, and what of it holds words; without those it is keys that are exchanged
    f"{OMEMO}encrypted": f"{OMEMO}payload",
    f"{OLD_OMEMO}encrypted": f"{OLD_OMEMO}payload",
    "{urn:xmpp:openpgp:0}openpgp": "",
    "{jabber:x:encrypted}x": "",
    "{urn:xmpp:eme:0}encryption": "",
}
FALLBACK = "{urn:xmpp:fallback:0}"
REPLY_SPACE = "urn:xmpp:reply:0"
OOB = "{jabber:x:oob}"
ADDRESS = re.compile(r"https?://[^\s\[\]]+", re.IGNORECASE)


def of(stanza: Element) -> tuple[str, tuple[Attachment, ...]]:
    """The words and the files. What is encrypted says only that it is; keys that are exchanged say nothing."""
    for name, inner in ENCRYPTED.items():
        found = stanza.find(name)
        if found is not None:
            return (UNREADABLE if not inner or found.find(inner) is not None else ""), ()
    said = text(stanza, BODY)
    links = [text(found, f"{OOB}url").strip() for found in stanza.iterfind(f"{OOB}x")]
    if said.strip() in links:
        said = ""  # for clients that show no files
    return _without_fallback(stanza, said), tuple(_file(link) for link in links if ADDRESS.fullmatch(link))


def _without_fallback(stanza: Element, said: str) -> str:
    """An answer's quotation stands in the words too; from where to where is told, in characters."""
    for fallback in stanza.iterfind(f"{FALLBACK}fallback"):
        part = fallback.find(f"{FALLBACK}body")
        if fallback.get("for") == REPLY_SPACE and part is not None:
            start, end = part.get("start", "0"), part.get("end", str(len(said)))
            if start.isdecimal() and end.isdecimal() and int(start) <= int(end) <= len(said):
                return said[: int(start)] + said[int(end) :]
    return said


def _file(link: str) -> Attachment:
    name = unquote(urlsplit(link).path.rpartition("/")[2]) or "file"
    return Attachment(name, mimetypes.guess_type(name)[0] or "application/octet-stream", url=link)
