"""Secrets of channels and accounts, encrypted at rest; tokens, hashed at rest."""

import base64
import hashlib
import os
import secrets

from cryptography.fernet import Fernet, InvalidToken

from inbox.errors import Unusable
from inbox.settings import Settings


class Vault:
    """Encrypts with the installation's key. Losing the key loses the channels' passwords, nothing else."""

    def __init__(self, key: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
        self._signing = hashlib.sha256(b"parley signing " + key.encode()).digest()

    def encrypt(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise Unusable("A secret was encrypted with another key. Set PARLEY_SECRET_KEY to the key that was used then.") from error

    def sign(self, *parts: str) -> str:
        """A short proof that this installation made these words: for links that a customer holds."""
        digest = hashlib.blake2b("\x1f".join(parts).encode(), key=self._signing, digest_size=18).digest()
        return base64.urlsafe_b64encode(digest).decode()

    def verify(self, signature: str, *parts: str) -> bool:
        return secrets.compare_digest(signature.encode(), self.sign(*parts).encode())


def open_vault(settings: Settings) -> Vault:
    """The vault with the key of `PARLEY_SECRET_KEY`, else of `PARLEY_HOME`/secret.key, which is made once."""
    if settings.secret_key is not None:
        return Vault(settings.secret_key.get_secret_value())
    path = settings.home / "secret.key"
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f"secret.{os.getpid()}.new")
    if not path.exists():
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
        try:
            os.link(new, path)  # fails when another process was first: its key counts
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return Vault(path.read_text().strip())


def new_token(prefix: str = "") -> str:
    """An opaque random token, 256 bits."""
    return prefix + secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What is stored of a token. It is random and long, so one fast hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
