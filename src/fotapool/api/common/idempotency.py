"""Changes with an Idempotency-Key: the same request with the same key is answered as before, and not repeated."""

from __future__ import annotations

import hashlib
import re

from msgspec.structs import replace
from starlette.types import Scope

from fotapool.api.common.operations import Call, Operation
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.idempotency import MAX_KEY, KeyedRequest
from fotapool.web.http import Headers

REPLAYED: Headers = ((b"idempotency-replayed", b"true"),)
"""Marks an answer to a change that was made before."""
_KEY = re.compile(b"[!-~]{1,%d}" % MAX_KEY)


async def handle_once(operation: Operation, call: Call, scope: Scope, key: bytes) -> object:
    """Handles a change with an Idempotency-Key.

    Raises AnsweredBefore if a request with the key has made it, and RequestRejected: IDEMPOTENCY_KEY_INVALID,
    IDEMPOTENCY_KEY_IN_USE while such a request is handled, IDEMPOTENCY_KEY_REUSED if the request is another one.
    """
    if not _KEY.fullmatch(key):
        raise RequestRejected(ErrorCode.IDEMPOTENCY_KEY_INVALID)
    caller, running = call.caller, call.context.keys_in_use
    name = caller.account_id, caller.actor, key.decode("ascii")
    if name in running:
        raise RequestRejected(ErrorCode.IDEMPOTENCY_KEY_IN_USE)
    running.add(name)
    try:
        call.caller = replace(caller, keyed=KeyedRequest(name, _hash(scope, call)))
        return await operation.handle(call)
    finally:
        running.discard(name)


def _hash(scope: Scope, call: Call) -> bytes:
    """The hash of method, path, query and body; of a form, of what it says, since its boundaries may be others."""
    digest = hashlib.sha256(f"{scope['method']} {scope['path']}?".encode())
    digest.update(scope["query_string"] + b"\0")
    digest.update(call.body if call.upload is None else call.upload.identity)
    return digest.digest()
