"""The answers to changes with an idempotency key, each recorded in the transaction of its change."""

from __future__ import annotations

from collections.abc import Sequence

from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.idempotency import RETENTION_ANSWERS_MS, KeyedRequest
from fotapool.store.db.commands import Failure, Waiting
from fotapool.store.db.connection import Connection, Row

Keyed = Sequence[tuple[Waiting, KeyedRequest]]
"""The commands of a batch whose requests have an idempotency key."""

_KEY = "account_id, name_hash"
_KEPT = (
    "SELECT k.account_id, k.username, k.key, k.request_hash, k.answered_ms, k.answer, k.name_hash FROM {rows} r"
    " JOIN idempotency_key k ON k.account_id = r.account_id AND k.name_hash = r.name_hash"
)
_DELETE = f"DELETE FROM idempotency_key WHERE ({_KEY}) IN (SELECT {_KEY} FROM {{rows}} r) RETURNING account_id"


class AnsweredBefore(Exception):
    """A request with the same idempotency key has made the change, with this answer. Nothing was changed now."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("the change was made before")
        self.answer = answer


def not_answered(connection: Connection, batch: list[Waiting], keyed: Keyed, now_ms: int) -> list[Waiting]:
    """The commands of the batch without those whose keys are known.

    These fail: with AnsweredBefore, or with RequestRejected(IDEMPOTENCY_KEY_REUSED) if the request is another one. Must
    be called under the locks of the accounts' pools, so that no other server records a key meanwhile.
    """
    found = connection.fetch_rows(_KEPT, _KEY, [(request.name[0], request.name_hash) for _, request in keyed])
    if not found:
        return batch
    old_ms = now_ms - RETENTION_ANSWERS_MS
    _delete(connection, [(row[0], row[6]) for row in found if row[4] <= old_ms])
    kept = {row[:3]: (row[3], row[5]) for row in found if row[4] > old_ms}
    known = set()
    for waiting, request in keyed:
        if request.name in kept:
            known.add(waiting)
            request_hash, answer = kept[request.name]
            same = request_hash == request.request_hash
            error = AnsweredBefore(answer) if same else RequestRejected(ErrorCode.IDEMPOTENCY_KEY_REUSED)
            waiting.result = Failure(error)
    return [waiting for waiting in batch if waiting not in known]


def record_answers(connection: Connection, keyed: Keyed, now_ms: int) -> None:
    """Writes the answer of each command that did not fail, and records it with its key."""
    rows = []
    for waiting, request in keyed:
        if not isinstance(waiting.result, Failure):
            assert request.write_answer is not None, "a handler that makes a change answers with Call.answer"
            request.answer = request.write_answer(waiting.result)
            rows.append((*request.name, request.request_hash, now_ms, request.answer, request.name_hash))
    columns = "account_id, username, key, request_hash, answered_ms, answer, name_hash"
    connection.insert("idempotency_key", columns, rows)


def delete_old_answers(connection: Connection, before_ms: int, limit: int) -> int:
    """Deletes up to `limit` answers from the timestamp or before, the oldest first; returns how many."""
    keys = connection.fetch(
        f"SELECT {_KEY} FROM idempotency_key WHERE answered_ms <= :before ORDER BY answered_ms LIMIT :limit"
        f" {connection.syntax['skip_locked']}",
        {"before": before_ms, "limit": limit},
    )
    _delete(connection, keys)
    return len(keys)


def _delete(connection: Connection, keys: Sequence[Row]) -> None:
    if keys:
        connection.fetch_rows(_DELETE, _KEY, keys)
