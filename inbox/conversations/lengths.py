"""How long a text is in the unit that a platform counts."""

import re
import unicodedata
from collections.abc import Iterator

from inbox.contract import Length, LengthUnit
from inbox.errors import Invalid

JOINER = "\u200d"
LONGEST = 100_000  # characters of a reply where the platform names no limit
LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
LINK_WEIGHT = 23  # X counts every link as its own short form
LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))  # X counts these characters once, all others twice


def length(text: str, unit: LengthUnit) -> int:
    """Length of a text, in `unit`: code points, UTF-8 bytes, user-perceived characters, UTF-16 units, or X's weighted characters.

    Sources: Unicode Standard Annex 29 (without its Indic conjuncts, which only makes the count stricter); X's published configuration 3.
    """
    match unit:
        case LengthUnit.CHARS:
            return len(text)
        case LengthUnit.BYTES:
            return len(text.encode(errors="replace"))
        case LengthUnit.UTF16:
            return len(text.encode("utf-16-le", errors="replace")) // 2
        case LengthUnit.GRAPHEMES:
            return sum(1 for _ in graphemes(text))
        case LengthUnit.X_WEIGHTED:
            return _weighted(unicodedata.normalize("NFC", text))


def check(text: str, allowed: Length) -> None:
    """Raise Invalid when the platform would refuse or cut the text."""
    limit, unit = allowed.most, allowed.unit
    if limit is None or len(text) > LONGEST:
        limit, unit = LONGEST, LengthUnit.CHARS
    found = length(text, unit)
    if found > limit:
        raise Invalid("The reply is {over} too long: {found} of {limit}.", code="too_long", over=found - limit, found=found, limit=limit)


def graphemes(text: str) -> Iterator[str]:
    """The user-perceived characters of a text, one by one."""
    cluster = ""
    for character in unicodedata.normalize("NFC", text):
        if cluster and not _joins(cluster, character):
            yield cluster
            cluster = ""
        cluster += character
    if cluster:
        yield cluster


def _joins(cluster: str, character: str) -> bool:
    before = cluster[-1]
    if before == "\r":
        return character == "\n"
    if before == "\n" or character in "\r\n":
        return False
    if character == JOINER or unicodedata.category(character) in {"Mn", "Me", "Mc"} or "\U0001f3fb" <= character <= "\U0001f3ff":
        return True
    if _is_flag_half(character):
        return len(cluster) == 1 and _is_flag_half(before)
    return (before == JOINER and _is_pictograph(character)) or "\U000e0020" <= character <= "\U000e007f"


def _weighted(text: str) -> int:
    links = LINK.findall(text)
    return LINK_WEIGHT * len(links) + sum(_weight(cluster) for cluster in graphemes(LINK.sub("", text)))


def _weight(cluster: str) -> int:
    if any(_is_pictograph(character) or _is_flag_half(character) for character in cluster):
        return 2
    return sum(1 if any(first <= ord(character) <= last for first, last in LIGHT) else 2 for character in cluster)


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _is_pictograph(character: str) -> bool:
    return ord(character) >= 0x2600 and unicodedata.category(character) == "So"
