"""Checks of names, keys and secrets, and generated secrets, which are returned once and stored as hashes."""

from __future__ import annotations

import re

from fotapool.domain.errors import Invalid
from fotapool.services.context import Context

GENERATED_BYTES = 24
MAX_NAME = 200
MAX_SECRET = 1000
NAME_PATTERN = "^[!-\\-0-~\u00c0-\u024f][ -.0-~\u00c0-\u024f]{0,199}$"
KEY_PATTERN = "^[!-\\-0-9;-~][!-.0-9;-~]{0,199}$"
"""Names are parts of paths: no slash, no dot first. Keys are sent in HTTP Basic as well: no colon."""

_NAME = re.compile(NAME_PATTERN.removesuffix("$"))
_KEY = re.compile(KEY_PATTERN.removesuffix("$"))


def is_name(text: str) -> bool:
    """Whether the text can be the name of a user or an operator."""
    return _NAME.fullmatch(text) is not None


def is_key(text: str) -> bool:
    """Whether the text can be the key of an API client."""
    return _KEY.fullmatch(text) is not None


def check_name(name: str, what: str) -> None:
    """Raises Invalid for what cannot be the name of a user or an operator."""
    if not is_name(name):
        raise Invalid(
            f"{what} must be 1 to {MAX_NAME} letters, digits, spaces or signs, no slash, no dot or space first"
        )


def check_key(key: str) -> None:
    """Raises Invalid for what cannot be the key of an API client."""
    if not is_key(key):
        raise Invalid(f"key must be 1 to {MAX_NAME} ASCII letters, digits or signs, no slash, no colon, no dot first")


def check_secret(secret: str, what: str) -> None:
    """Raises Invalid for what cannot be a password or the secret of an API client."""
    if not 0 < len(secret) <= MAX_SECRET or "\x00" in secret:
        raise Invalid(f"{what} must be 1 to {MAX_SECRET} characters")


def given_or_generated(context: Context, given: str | None, what: str) -> str:
    """The given secret, or a new one. Raises Invalid."""
    if given is None:
        return context.random_bytes(GENERATED_BYTES).hex()
    check_secret(given, what)
    return given
