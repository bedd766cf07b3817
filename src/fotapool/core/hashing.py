"""Hashing of secrets (argon2id, in a separate thread) and of tokens (SHA-256)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret_raw

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
"""OWASP's recommended argon2id parameters for little memory; one hash is computed at a time."""
TOKEN_BYTES = 24

LEAST_MEMORY_KIB = 8
LEAST_PASSES = 1
"""The minimum of argon2, for databases that are deleted with their process (`use_test_cost`)."""

_hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
_passes, _memory_kib = PASSES, MEMORY_KIB
_thread = ThreadPoolExecutor(1, thread_name_prefix="fotapool-hashing")
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$CAZoLHF7X6mOThVBF1mjcA$FVzUzpuTW3f2ww/u5Rv1t1RTXiF6zGeQdeUNDaYqDW0"


def use_test_cost() -> None:
    """Makes this process hash at the lowest cost. Only for an emulator whose database is in memory."""
    global _hasher, _passes, _memory_kib
    _passes, _memory_kib = LEAST_PASSES, LEAST_MEMORY_KIB
    _hasher = PasswordHasher(time_cost=_passes, memory_cost=_memory_kib, parallelism=LANES)


def token_hash(token: str) -> bytes:
    """The stored hash of a token. Tokens have high entropy, so a fast hash is sufficient."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def hash_secret_now(secret: str) -> str:
    """Hashes a password or client secret with a random salt; takes about 20 ms."""
    return _hasher.hash(secret)


async def hash_secret(secret: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(_thread, hash_secret_now, secret)


def verify_secret_now(stored: str | None, secret: str) -> bool:
    """Whether the secret matches the hash. Without a stored hash, it is False after the same time."""
    try:
        return _hasher.verify(stored or _NOBODY, secret) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


async def verify_secret(stored: str | None, secret: str) -> bool:
    return await asyncio.get_running_loop().run_in_executor(_thread, verify_secret_now, stored, secret)


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


async def derive_token(secret: str, nonce: bytes) -> str:
    return await asyncio.get_running_loop().run_in_executor(_thread, derive_token_now, secret, nonce)
