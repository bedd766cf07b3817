"""Encrypts the secrets that must be given out again, with a key that is not in the database.

The key is `FOTAPOOL_SECRET_KEY`, else a file made beside the SQLite file or the directory of contents. Several servers
of one database need the same key.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

KEY_BYTES = 32
MIN_SECRET_KEY = 32
"""Least length of FOTAPOOL_SECRET_KEY, in characters."""
MARK = "fernet:"
"""What a sealed text begins with; a text without it was stored by an earlier version, or came from outside."""
_MARK_BYTES = MARK.encode()


class Unsealable(Exception):
    """The text was sealed with another key."""


class SecretBox:
    """Seals and opens texts, and makes keyed digests."""

    def __init__(self, key: bytes | None = None) -> None:
        """Uses the key; without one, a random key that is lost when the process ends."""
        self._key = key or secrets.token_bytes(KEY_BYTES)
        self._fernet: Fernet | None = None

    def seal(self, text: str) -> str:
        return MARK + self._cipher().encrypt(text.encode("utf-8", "surrogatepass")).decode()

    def open(self, text: str) -> str:
        """The sealed text; a text that is not sealed as it is. Raises Unsealable."""
        return self.open_bytes(text.encode()).decode("utf-8", "surrogatepass") if text.startswith(MARK) else text

    def seal_bytes(self, data: bytes) -> bytes:
        return _MARK_BYTES + self._cipher().encrypt(data)

    def open_bytes(self, data: bytes) -> bytes:
        """The sealed bytes; bytes that are not sealed as they are. Raises Unsealable."""
        if not data.startswith(_MARK_BYTES):
            return data
        from cryptography.fernet import InvalidToken

        try:
            return self._cipher().decrypt(data.removeprefix(_MARK_BYTES))
        except InvalidToken as error:
            raise Unsealable("a stored secret was encrypted with another key") from error

    def digest(self, data: bytes) -> bytes:
        """A digest that cannot be computed without the key."""
        return hmac.digest(self._key, b"digest " + data, "sha256")

    def _cipher(self) -> Fernet:
        if self._fernet is None:
            from cryptography.fernet import Fernet  # imported with the first secret: few servers have one

            key = hmac.digest(self._key, b"encryption", "sha256")
            self._fernet = Fernet(base64.urlsafe_b64encode(key))
        return self._fernet


def is_sealed(text: str) -> bool:
    return text.startswith(MARK)


def box_of_text(text: str) -> SecretBox:
    """The box of FOTAPOOL_SECRET_KEY, which should be random."""
    return SecretBox(hashlib.sha256(b"fotapool secret key " + text.encode()).digest())


def box_of_file(path: Path) -> SecretBox:
    """The box of a key file, which is created if it does not exist. Raises OSError, and ValueError for another file."""
    with contextlib.suppress(FileNotFoundError):
        return SecretBox(_read(path))
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another server was faster
            os.link(made, path)
    finally:
        made.unlink()
    return SecretBox(_read(path))


def _read(path: Path) -> bytes:
    text = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} is not a key file: it must have {2 * KEY_BYTES} hexadecimal digits")
    return key
