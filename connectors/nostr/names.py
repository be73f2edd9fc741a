"""Keys and notes as people write them (https://github.com/nostr-protocol/nips/blob/master/19.md): bech32 (https://bips.dev/173/)."""

LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def encode(prefix: str, content: bytes) -> str:
    """32 bytes as "npub1…" or "note1…"."""
    values = _regrouped(content, 8, 5, pads=True)
    sum_ = _checksum([*_expanded(prefix), *values, *[0] * 6]) ^ 1
    tail = [sum_ >> 5 * (5 - place) & 31 for place in range(6)]
    return f"{prefix}1{''.join(LETTERS[value] for value in [*values, *tail])}"


def decode(prefix: str, text: str) -> bytes | None:
    """What such a name says; None for one that is mistyped or of another kind."""
    found, _, data = text.lower().rpartition("1")
    values = [LETTERS.find(letter) for letter in data]
    if found != prefix or len(values) < 6 or -1 in values or _checksum([*_expanded(prefix), *values]) != 1:
        return None
    return bytes(_regrouped(values[:-6], 5, 8, pads=False))


def _expanded(prefix: str) -> list[int]:
    return [*(ord(letter) >> 5 for letter in prefix), 0, *(ord(letter) & 31 for letter in prefix)]


def _checksum(values: list[int]) -> int:
    found = 1
    for value in values:
        top = found >> 25
        found = (found & 0x1FFFFFF) << 5 ^ value
        for place, number in enumerate(GENERATOR):
            found ^= number if top >> place & 1 else 0
    return found


def _regrouped(values: bytes | list[int], before: int, after: int, *, pads: bool) -> list[int]:
    rest, bits, found = 0, 0, list[int]()
    for value in values:
        rest, bits = rest << before | value, bits + before
        while bits >= after:
            bits -= after
            found.append(rest >> bits & (1 << after) - 1)
        rest &= (1 << bits) - 1
    return [*found, rest << after - bits] if pads and bits else found
