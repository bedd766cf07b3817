"""Idempotency keys: a change that is sent again with the key of an earlier one gets its answer and is not repeated."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
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
    `name_hash` stands for user and key in the index of kept answers: 53 bits, which every reader of JSON keeps exactly.
    """

    name: KeyName
    request_hash: bytes
    write_answer: Callable[[Any], bytes] | None = None
    answer: bytes = b""
    name_hash: int = field(init=False)

    def __post_init__(self) -> None:
        _, username, key = self.name
        digest = hashlib.blake2b(f"{username} {key}".encode(), digest_size=8).digest()
        self.name_hash = int.from_bytes(digest, "big") >> 11
