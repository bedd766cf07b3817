"""Hashing of secrets (argon2id, in a separate thread, with a bounded queue) and of tokens (SHA-256).

A hash takes tens of milliseconds, and requests ask for hashes before they are signed in. So at most `max_waiting` of
them wait, secrets that were verified before are recognized without a hash, and derived tokens are cached.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret_raw

from fotapool.core.bounded import BoundedDict

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
"""OWASP's recommended argon2id parameters for little memory; one hash is computed at a time."""
TOKEN_BYTES = 24
MAX_WAITING = 32
"""The default of `--max-waiting-sign-ins`."""
MAX_VERIFIED = 10_000
"""Maximum number of verified secrets, and of derived tokens, that a process remembers."""

REST_FACTOR = 3
MAX_REST_S = 0.3
"""After a wrong secret, the hashing thread rests for three times as long as the hash took, up to MAX_REST_S.

So wrong secrets from many addresses take a quarter of a core, or less where other processes need it too.
"""

LEAST_MEMORY_KIB = 8
LEAST_PASSES = 1
"""The minimum of argon2, for databases that are deleted with their process (`use_test_cost`)."""

_hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
_passes, _memory_kib = PASSES, MEMORY_KIB
NICENESS = 5
"""Niceness of the hashing thread. On a busy machine, requests of signed-in clients run before it."""


def _yield_to_others() -> None:
    if sys.platform == "linux":  # elsewhere, only whole processes have a priority
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)


_thread = ThreadPoolExecutor(1, thread_name_prefix="fotapool-hashing", initializer=_yield_to_others)
_nobody: str | None = None
"""The hash that stands for a missing one; computed at the cost of this process."""

P = ParamSpec("P")
T = TypeVar("T")


class HashingBusy(Exception):
    """Too many hashes are waiting; nothing was computed."""


class HashingQueue:
    """The hashes of this process that wait or are computed, and what is known of earlier ones."""

    def __init__(
        self,
        max_waiting: int,
        now_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.max_waiting = max_waiting
        self.waiting = 0
        self.uses_thread = True
        """False: hashes are so cheap that a change of threads would take longer (`use_test_cost`)."""
        self._now_s = now_s
        self._sleep = sleep
        self._rest_until_s = 0.0
        self._key = secrets.token_bytes(32)
        """Keys the digests of remembered secrets, so that they are of no use outside of this process."""
        self._verified: BoundedDict[bytes, bool] = BoundedDict(MAX_VERIFIED)
        self._tokens: BoundedDict[bytes, str] = BoundedDict(MAX_VERIFIED)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs the function in the hashing thread; its result is false if a secret is wrong. Raises HashingBusy."""
        if self.waiting >= self.max_waiting:
            raise HashingBusy
        if not self.uses_thread:
            return function(*args, **kwargs)
        self.waiting += 1
        try:
            compute = functools.partial(self._compute, functools.partial(function, *args, **kwargs))
            return await asyncio.get_running_loop().run_in_executor(_thread, compute)
        finally:
            self.waiting -= 1

    def _compute(self, function: Callable[[], T]) -> T:
        self._sleep(max(0.0, self._rest_until_s - self._now_s()))
        began_s = self._now_s()
        result = function()
        if not result:
            ended_s = self._now_s()
            self._rest_until_s = ended_s + min(REST_FACTOR * (ended_s - began_s), MAX_REST_S)
        return result

    def is_verified(self, stored: str | None, secret: str) -> bool:
        """Whether the secret is known to match the hash; without a hash of its own."""
        return stored is not None and self._verified.get(self._digest(stored.encode(), secret)) is not None

    async def verify(self, stored: str | None, secret: str) -> bool:
        """Whether the secret matches the hash; False after the same time without one. Raises HashingBusy."""
        if self.is_verified(stored, secret):
            return True
        matches = await self.run(verify_secret_now, stored, secret)
        if matches and stored is not None:
            self.remember(stored, secret)
        return matches

    def remember(self, stored: str, secret: str) -> None:
        """Remembers that the secret matches the hash."""
        self._verified[self._digest(stored.encode(), secret)] = True

    async def derive(self, secret: str, nonce: bytes) -> str:
        """As `derive_token_now`, for a verified secret. Raises HashingBusy."""
        token = self._tokens.get(self._digest(nonce, secret))
        if token is None:
            token = await self.run(derive_token_now, secret, nonce)
            self.remember_token(secret, nonce, token)
        return token

    def remember_token(self, secret: str, nonce: bytes, token: str) -> None:
        """Remembers the token that was derived from a verified secret."""
        self._tokens[self._digest(nonce, secret)] = token

    def _digest(self, what: bytes, secret: str) -> bytes:
        text = secret.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(b"%d %s%s" % (len(what), what, text), key=self._key, digest_size=32).digest()


queue = HashingQueue(MAX_WAITING)
"""The queue of this process."""


def use_test_cost() -> None:
    """Makes this process hash at the lowest cost. Only for an emulator whose database is in memory."""
    global _hasher, _passes, _memory_kib, _nobody
    _passes, _memory_kib, _nobody = LEAST_PASSES, LEAST_MEMORY_KIB, None
    _hasher = PasswordHasher(time_cost=_passes, memory_cost=_memory_kib, parallelism=LANES)
    queue.uses_thread = False


def token_hash(token: str) -> bytes:
    """The stored hash of a token. Tokens have high entropy, so a fast hash is sufficient."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def hash_secret_now(secret: str) -> str:
    """Hashes a password or client secret with a random salt; takes about 20 ms."""
    return _hasher.hash(secret)


async def hash_secret(secret: str) -> str:
    """Hashes like `hash_secret_now`, for callers who are signed in. If the queue is full, it waits."""
    if not queue.uses_thread:
        return hash_secret_now(secret)
    return await asyncio.get_running_loop().run_in_executor(_thread, hash_secret_now, secret)


def verify_secret_now(stored: str | None, secret: str) -> bool:
    """Whether the secret matches the hash. Without a stored hash, it is False after the same time."""
    global _nobody
    if stored is None and _nobody is None:
        _nobody = _hasher.hash(secrets.token_hex())
    try:
        return _hasher.verify(stored or _nobody or "", secret) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


async def verify_secret(stored: str | None, secret: str) -> bool:
    """Whether the secret matches the hash; without a hash if it was verified before. Raises HashingBusy."""
    return await queue.verify(stored, secret)


def derive_token_now(secret: str, nonce: bytes) -> str:
    """The bearer token of a client for a nonce, derived from the client's secret.

    The same token can therefore be issued again within its hour without storing it. Guessing a secret from a stolen
    database costs one argon2 hash per guess, as with the secret's own hash.
    """
    raw = hash_secret_raw(
        secret.encode(),
        nonce,
        time_cost=_passes,
        memory_cost=_memory_kib,
        parallelism=LANES,
        hash_len=TOKEN_BYTES,
        type=Type.ID,
    )
    return base64.urlsafe_b64encode(raw).decode()


def derive_right_token_now(secret: str, nonce: bytes, right: bytes) -> str | None:
    """The token, if its hash is `right`; else the secret is wrong."""
    token = derive_token_now(secret, nonce)
    return token if token_hash(token) == right else None


async def derive_token(secret: str, nonce: bytes) -> str:
    """As `derive_token_now`, for a verified secret; from memory if it was derived before. Raises HashingBusy."""
    return await queue.derive(secret, nonce)
