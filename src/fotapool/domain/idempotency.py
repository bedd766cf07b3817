"""Idempotency keys: a change that is sent again with the key of an earlier one gets its answer and is not repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fotapool.core.timestamps import DAY_MS

RETENTION_ANSWERS_MS = DAY_MS
"""How long the answer to a change is kept for its key, in milliseconds."""
MAX_KEY = 255
"""The longest key, in characters."""

KeyName = tuple[int, str, str]
"""Account id, user and key. The keys of two users, or of two accounts, have nothing to do with each other."""


@dataclass(slots=True)
class KeyedRequest:
    """A change with an idempotency key.

    `request_hash` is the same for a retry of the request, and differs for any other. `write_answer` returns the body of
    the response from the result of the command; `answer` is that body, once the command has been decided.
    """

    name: KeyName
    request_hash: bytes
    write_answer: Callable[[Any], bytes] | None = None
    answer: bytes = b""
