"""Schnorr signatures on secp256k1 (https://bips.dev/340/), which the cryptography library does not offer.

Whatever touches a secret is multiplied by the library, in constant time; what is written out here handles public numbers only, but for
one multiplication and one addition of integers when signing.
"""

import hashlib
import secrets

from cryptography.hazmat.primitives.asymmetric import ec

FIELD = 2**256 - 2**32 - 977
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
Point = tuple[int, int]
Jacobian = tuple[int, int, int]  # x / z², y / z³; z is 0 at infinity


def is_secret(secret: bytes) -> bool:
    """Whether this is a private key: a number between 0 and the order of the curve."""
    return len(secret) == 32 and 0 < int.from_bytes(secret) < ORDER


def public_key(secret: bytes) -> bytes:
    """The public key of a private one: its x alone."""
    return _times_generator(int.from_bytes(secret))[0].to_bytes(32)


def sign(message: bytes, secret: bytes, randomness: bytes | None = None) -> bytes:
    """The signature of a message; each has randomness of its own."""
    d = int.from_bytes(secret)
    x, y = _times_generator(d)
    d = d if y % 2 == 0 else ORDER - d
    mask = _hash("BIP0340/aux", secrets.token_bytes(32) if randomness is None else randomness)
    t = (d ^ int.from_bytes(mask)).to_bytes(32)
    k = int.from_bytes(_hash("BIP0340/nonce", t + x.to_bytes(32) + message)) % ORDER
    r, odd = _times_generator(k)
    k = k if odd % 2 == 0 else ORDER - k
    e = int.from_bytes(_hash("BIP0340/challenge", r.to_bytes(32) + x.to_bytes(32) + message)) % ORDER
    return r.to_bytes(32) + ((k + e * d) % ORDER).to_bytes(32)


def verify(message: bytes, key: bytes, signature: bytes) -> bool:
    """Whether the holder of this public key signed the message."""
    if len(key) != 32 or len(signature) != 64:
        return False
    point = _lift(int.from_bytes(key))
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    if point is None or r >= FIELD or s >= ORDER:
        return False
    e = int.from_bytes(_hash("BIP0340/challenge", signature[:32] + key + message)) % ORDER
    first: Jacobian = (*_times_generator(s), 1) if s else (0, 1, 0)
    x, y, z = _add(first, _times(ORDER - e, point))
    if z == 0:
        return False
    inverse = pow(z, -1, FIELD)
    return y * inverse**3 % FIELD % 2 == 0 and x * inverse**2 % FIELD == r


def _times_generator(number: int) -> Point:
    numbers = ec.derive_private_key(number, ec.SECP256K1()).public_key().public_numbers()
    return numbers.x, numbers.y


def _hash(tag: str, content: bytes) -> bytes:
    prefix = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(prefix + prefix + content).digest()


def _lift(x: int) -> Point | None:
    """The point with this x whose y is even."""
    if x >= FIELD:
        return None
    square = (pow(x, 3, FIELD) + 7) % FIELD
    y = pow(square, (FIELD + 1) // 4, FIELD)
    if y * y % FIELD != square:
        return None
    return x, y if y % 2 == 0 else FIELD - y


def _times(number: int, point: Point) -> Jacobian:
    found: Jacobian = (0, 1, 0)
    for bit in bin(number)[2:]:
        found = _double(found)
        if bit == "1":
            found = _add(found, (*point, 1))
    return found


def _double(point: Jacobian) -> Jacobian:
    x, y, z = point
    if z == 0 or y == 0:
        return 0, 1, 0
    square = y * y % FIELD
    a, b = 4 * x * square % FIELD, 3 * x * x % FIELD
    new = (b * b - 2 * a) % FIELD
    return new, (b * (a - new) - 8 * square * square) % FIELD, 2 * y * z % FIELD


def _add(one: Jacobian, other: Jacobian) -> Jacobian:
    if one[2] == 0:
        return other
    if other[2] == 0:
        return one
    z1, z2 = one[2] * one[2] % FIELD, other[2] * other[2] % FIELD
    a, b = one[0] * z2 % FIELD, other[0] * z1 % FIELD
    c, d = one[1] * z2 * other[2] % FIELD, other[1] * z1 * one[2] % FIELD
    if a == b:
        return _double(one) if c == d else (0, 1, 0)
    h, r = (b - a) % FIELD, (d - c) % FIELD
    cube, part = h * h * h % FIELD, a * h * h % FIELD
    x = (r * r - cube - 2 * part) % FIELD
    return x, (r * (part - x) - c * cube) % FIELD, h * one[2] * other[2] % FIELD
