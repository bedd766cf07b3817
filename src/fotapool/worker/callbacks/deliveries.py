"""Delivers callbacks: in order for each listener, concurrently for several listeners, and outside of transactions.

A batch is a leased listener with its due deliveries: they are sent, then recorded. A batch ends with the first delivery
that fails, so that none overtakes it, and after MAX_BATCH_MS, so that slow receivers do not block the others. A
listener with more due deliveries gets its next batch at once while there is room. Leases keep servers that share a
database from sending to the same listener.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import msgspec

from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.telemetry.definitions import CALLBACKS
from fotapool.domain.callbacks import DeliveryState, is_acknowledged, retry_ms
from fotapool.domain.errors import RequestRejected
from fotapool.domain.records import from_attributes
from fotapool.services.callbacks.deliveries import Encode, acquire_batch, find_due_listeners, record_batch
from fotapool.services.callbacks.deliveries import next_delivery_ms as read_next_delivery_ms
from fotapool.services.context import Context
from fotapool.store.callbacks.deliveries import Attempt
from fotapool.store.callbacks.leases import DELIVERIES_PER_LEASE, LeasedBatch, Waiting
from fotapool.store.callbacks.listener_health import Ended
from fotapool.store.callbacks.listeners import Listener
from fotapool.store.db.connection import StoreUnavailable

log = Log(__name__)

MAX_AT_ONCE = 50
"""Maximum number of concurrent batches."""
MAX_RETRIES_AT_ONCE = 25
"""Maximum number of them for listeners whose last attempt failed, so that dead receivers leave room for the others."""
MAX_BATCH_MS = 15_000
"""A batch ends after this time spent on sending. With one more attempt it remains well within its lease."""
POLL_S = 0.2
"""Interval at which the background starts due batches, in seconds."""
RECORD_TRIES, RECORD_WAIT_S = 5, 1.0
"""Attempts to record a batch while the database does not answer; the lease lasts longer than all of them."""
STOP_GRACE_S = 3.0
"""How long attempts in progress may take when the server stops; unsent deliveries remain in the outbox."""

OUTCOMES = {
    "delivered": DeliveryState.DELIVERED,
    "retried": DeliveryState.WAITING,
    "given_up": DeliveryState.FAILED,
}
"""What metrics call the state after an attempt."""
NOT_SERIALIZED = "the event cannot be serialized; the server's log has the details"


class SendResult(msgspec.Struct, frozen=True):
    """The result of an attempt: the HTTP status or an error, the beginning of the response, and the duration (ms)."""

    status: int | None
    error: str
    answer: str
    took_ms: int


class Sender(Protocol):
    """Posts callbacks. Failures of the receiver or the network are in the result; `send` does not raise them."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> SendResult: ...


Sign = Callable[[str, str, int, bytes], str]
"""Returns the signature for a secret, a message id, a time (s) and a body."""


class BatchResult(msgspec.Struct, frozen=True):
    """The result of a batch, and when (ms) it ended."""

    at_ms: int
    account_id: int
    style: str
    delivered: int
    failed: int
    """Deliveries that were not acknowledged: at most 1, since the batch ends with it."""


def in_order(results: Iterable[BatchResult]) -> list[BatchResult]:
    """The results by time, account and style, since concurrent batches end in any order."""
    return sorted(results, key=lambda one: (one.at_ms, one.account_id, one.style))


class _Progress(msgspec.Struct):
    """The attempts of a batch so far, and the deliveries to update."""

    attempts: list[Attempt] = msgspec.field(default_factory=list)
    ended: list[Ended] = msgspec.field(default_factory=list)
    took_ms: int = 0
    delivered: int = 0
    failed: int = 0


class Deliveries:
    """Delivers the callbacks of one server."""

    def __init__(self, context: Context, sender: Sender, encoders: Mapping[str, Encode], sign: Sign) -> None:
        self._context = context
        self._sender = sender
        self._encoders = encoders
        self._sign = sign
        self._batches: dict[asyncio.Task[None], bool] = {}
        """The batches in progress, and whether their listener's last attempt failed."""
        self._watchers: list[list[BatchResult]] = []
        self._leasing = asyncio.Lock()
        self._stopping = False

    @contextlib.contextmanager
    def watch(self) -> Iterator[list[BatchResult]]:
        """A list to which the result of every batch is added as it ends, in the background too."""
        done: list[BatchResult] = []
        self._watchers.append(done)
        try:
            yield done
        finally:
            self._watchers = [watcher for watcher in self._watchers if watcher is not done]

    async def deliver_due(self) -> list[BatchResult]:
        """Delivers until nothing is due; returns the results of the batches that ended meanwhile."""
        with self.watch() as done:
            while not self._stopping:
                await self._start_batches()
                if not self._batches:
                    break
                await asyncio.wait(self._batches, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
        return in_order(done)

    async def next_delivery_ms(self) -> int | None:
        """The next time (ms) after now at which a delivery is due, or None."""
        return await read_next_delivery_ms(self._context)

    async def run_in_background(self) -> None:
        """Delivers callbacks as they become due, until canceled. Errors are logged, and the delivery is retried."""
        while not self._stopping:
            try:
                await self._start_batches()
            except (StoreUnavailable, RequestRejected) as error:
                log.write(LogEvent.CALLBACKS_BROKEN, reason=error)
            except Exception as error:
                log.write(LogEvent.CALLBACKS_BROKEN, error, reason=repr(error))
            if self._batches:
                await asyncio.wait(self._batches, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(POLL_S)

    async def stop(self) -> None:
        """Starts no further batch, ends those in progress within STOP_GRACE_S, and records what they sent."""
        self._stopping = True
        if self._batches:
            await asyncio.wait(self._batches, timeout=STOP_GRACE_S)
        for batch in list(self._batches):
            batch.cancel()
        await asyncio.gather(*self._batches, return_exceptions=True)

    async def _start_batches(self) -> None:
        """Starts a batch for each due listener for which there is room."""
        async with self._leasing:
            for again in (False, True):
                room = MAX_AT_ONCE - len(self._batches)
                if again:
                    room = min(room, MAX_RETRIES_AT_ONCE - sum(self._batches.values()))
                if room <= 0 or self._stopping:
                    continue
                due = await find_due_listeners(self._context, again, room)
                acquired = await asyncio.gather(
                    *(acquire_batch(self._context, account_id, style, self._encoders) for account_id, style in due),
                    return_exceptions=True,
                )
                for batch in acquired:
                    if isinstance(batch, LeasedBatch):
                        task = asyncio.create_task(self._run(batch))
                        self._batches[task] = again
                        task.add_done_callback(self._batches.pop)
                for error in acquired:
                    if isinstance(error, BaseException):
                        raise error

    async def _run(self, first: LeasedBatch) -> None:
        """Runs a batch, and further ones of its listener while there is room."""
        batch: LeasedBatch | None = first
        try:
            while batch is not None:
                batch = await self._run_one(batch)
        except Exception as error:
            log.write(LogEvent.CALLBACK_NOT_RECORDED, error, account_id=first.listener.account_id)

    async def _run_one(self, batch: LeasedBatch) -> LeasedBatch | None:
        """Sends and records a batch. Returns the listener's next one, acquired in the same transaction, if any."""
        progress = _Progress()
        with contextlib.suppress(asyncio.CancelledError):
            await self._send_all(batch, progress)
        has_more = progress.delivered == DELIVERIES_PER_LEASE
        if not has_more or self._stopping or len(self._batches) >= MAX_AT_ONCE:
            await self._record(batch, progress)
            return None
        _, acquired = await asyncio.gather(self._record(batch, progress), self._acquire_next(batch.listener))
        return acquired

    async def _acquire_next(self, listener: Listener) -> LeasedBatch | None:
        """The listener's next batch; None while the database does not answer."""
        try:
            return await acquire_batch(self._context, listener.account_id, listener.style, self._encoders)
        except (StoreUnavailable, RequestRejected):
            return None

    async def _send_all(self, batch: LeasedBatch, progress: _Progress) -> None:
        for waiting in batch.deliveries:
            if self._stopping or progress.failed or progress.took_ms >= MAX_BATCH_MS:
                return
            at_ms = self._context.clock.now_ms()
            if waiting.body is None:
                sent = SendResult(None, NOT_SERIALIZED, "", 0)
            else:
                headers = self._headers(batch, waiting, waiting.body, at_ms)
                sent = await self._send(batch, headers, waiting.body)
            now_ms = self._context.clock.now_ms()
            _note(progress, url=batch.listener.url, waiting=waiting, sent=sent, at_ms=at_ms, now_ms=now_ms)

    async def _send(self, batch: LeasedBatch, headers: dict[str, str], body: bytes) -> SendResult:
        listener = batch.listener
        with self._context.tracing.callback(listener.account_id, listener.style) as span:
            sent = await self._sender.send(listener.url, {**headers, **span.headers}, body)
            outcome = {"error.type": sent.error} if sent.status is None else {"http.response.status_code": sent.status}
            span.end("", outcome, not is_acknowledged(sent.status))
        return sent

    def _headers(self, batch: LeasedBatch, waiting: Waiting, body: bytes, at_ms: int) -> dict[str, str]:
        """The Standard Webhooks headers; `webhook-id` is the same for every attempt ("Webhook Headers")."""
        message_id = f"msg_{waiting.created_ms}_{waiting.id}"
        headers = {"webhook-id": message_id}
        if batch.secret is not None:
            headers["webhook-timestamp"] = str(at_ms // 1000)
            headers["webhook-signature"] = self._sign(batch.secret, message_id, at_ms // 1000, body)
        return headers

    async def _record(self, batch: LeasedBatch, progress: _Progress) -> None:
        for tries_left in reversed(range(RECORD_TRIES)):
            try:
                recorded = await record_batch(self._context, batch, progress.attempts, progress.ended)
                break
            except (StoreUnavailable, RequestRejected):
                if not tries_left:
                    raise
                await asyncio.sleep(RECORD_WAIT_S)
        if not recorded:
            log.write(LogEvent.CALLBACK_LEASE_LOST, account_id=batch.listener.account_id)
            return
        self._count(progress)
        result = BatchResult(
            at_ms=self._context.clock.now_ms(),
            account_id=batch.listener.account_id,
            style=batch.listener.style,
            delivered=progress.delivered,
            failed=progress.failed,
        )
        for watcher in self._watchers:
            watcher.append(result)

    def _count(self, progress: _Progress) -> None:
        for outcome, state in OUTCOMES.items():
            count = sum(one.state is state for one in progress.ended)
            if count:
                self._context.metrics.count(CALLBACKS, outcome, by=count)


def _note(progress: _Progress, url: str, waiting: Waiting, sent: SendResult, at_ms: int, now_ms: int) -> None:
    """Notes an attempt and the new state of its delivery."""
    progress.took_ms += sent.took_ms
    progress.attempts.append(
        from_attributes(Attempt, sent, delivery_id=waiting.id, number=waiting.number + 1, at_ms=at_ms, url=url)
    )
    tried = waiting.tried + 1
    due_ms: int | None = None
    if is_acknowledged(sent.status):
        progress.delivered += 1
        state = DeliveryState.DELIVERED
    else:
        progress.failed += 1
        due_ms = retry_ms(tried, now_ms) if waiting.body is not None else None
        state = DeliveryState.FAILED if due_ms is None else DeliveryState.WAITING
    ended_ms = now_ms if due_ms is None else None
    progress.ended.append(Ended(delivery_id=waiting.id, state=state, tried=tried, due_ms=due_ms, ended_ms=ended_ms))
