"""Lines of the protocol (https://modern.ircdocs.horse/#message-format). Pure."""

import re
from dataclasses import dataclass, field

LONGEST = 512  # bytes of a line with its end, and with the sender that the server puts before it
USER_AND_HOST = 80  # bytes that the server may put for "!user@host"
FORMATTING = re.compile(r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[0-9A-Fa-f]{6})?|[\x02\x0f\x11\x16\x1d\x1e\x1f]")
ESCAPES = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}


@dataclass(frozen=True, slots=True)
class Line:
    command: str
    params: tuple[str, ...] = ()
    source: str = ""  # nick!user@host, or a server's name
    tags: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def nick(self) -> str:
        return self.source.partition("!")[0]

    @property
    def words(self) -> str:
        return self.params[-1] if self.params else ""


def read(raw: bytes) -> Line:
    """A line as it came. What is not UTF-8 is read as Latin-1, as old clients write. Without a command it is kept as it is."""
    raw = raw.rstrip(b"\r\n")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    tags: dict[str, str] = {}
    source = ""
    if text.startswith("@"):
        told, _, text = text[1:].partition(" ")
        tags = {key: _unescaped(value) for key, _, value in (tag.partition("=") for tag in told.split(";"))}
    text = text.lstrip(" ")
    if text.startswith(":"):
        source, _, text = text[1:].partition(" ")
    head, separator, last = text.lstrip(" ").partition(" :")
    command, *params = head.split() or [""]
    if not command:
        return Line("", (raw.decode(errors="replace"),))
    return Line(command.upper(), (*params, *((last,) if separator else ())), source, tags)


def plain(text: str) -> str:
    """Words without colours and weights."""
    return FORMATTING.sub("", text)


def room(nick: str, target: str) -> int:
    """Bytes that a line has for words."""
    return LONGEST - len(f":{nick} PRIVMSG {target} :\r\n".encode()) - USER_AND_HOST


def split(text: str, limit: int) -> list[str]:
    """A text as lines of at most so many bytes, parted between words where there are any."""
    found: list[str] = []
    for line in text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        rest = line
        while len(rest.encode()) > limit:
            head = rest.encode()[:limit].decode(errors="ignore")
            at = head.rfind(" ")
            head = head[: at + 1] if at > 0 else head
            found.append(head.rstrip(" "))
            rest = rest[len(head) :]
        if rest.strip():
            found.append(rest)
    return found


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.?)", lambda found: ESCAPES.get(found[1], found[1]), value)
