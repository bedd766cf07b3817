"""Delivers callbacks: each listener in order, listeners beside each other, and never within a transaction.

A turn claims a listener and what is due to it, sends it, and records it. It ends with the first that fails, so that
nothing overtakes what is tried again, and after TURN_MS, so that slow receivers take turns with the others. While there
are places free, a listener that has more due keeps its place. Servers
that share a database keep out of each other's way by the leases of the listeners.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fotapool.domain.callbacks import DeliveryState, is_acknowledged, retry_ms
from fotapool.domain.errors import RequestRejected
from fotapool.services.callbacks.deliveries import Encode, claim, find_due_listeners, record
from fotapool.services.callbacks.deliveries import next_delivery_ms as read_next_delivery_ms
from fotapool.services.context import Context
from fotapool.store.callbacks.deliveries import Attempt
from fotapool.store.callbacks.leases import DELIVERIES_PER_LEASE, Ended, LeasedBatch, Waiting
from fotapool.store.db.connection import StoreUnavailable

log = logging.getLogger(__name__)

MAX_AT_ONCE = 50
"""How many listeners are sent to at once."""
MAX_RETRIES_AT_ONCE = 25
"""How many of them may be listeners that failed last time: dead receivers leave room for the others."""
TURN_MS = 15_000
"""A turn ends after so much time spent on sending. With one more attempt it stays well within the lease."""
POLL_S = 0.2
"""How often the background looks for what is due, in seconds."""
RECORD_TRIES, RECORD_WAIT_S = 5, 1.0
"""While the database does not answer, what was sent is recorded later; the lease lasts longer than these tries."""
STOP_GRACE_S = 3.0
"""How long attempts under way may go on when the server stops; what they then have not sent stays in the outbox."""

NOT_WORDED = "the event cannot be put into words; the server's log has the details"


@dataclass(frozen=True, slots=True)
class Sent:
    """What an attempt came to: the HTTP status or else the error, the beginning of the answer, and how long it took."""

    status: int | None
    error: str
    answer: str
    took_ms: int


class Sender(Protocol):
    """Posts one callback; whatever happens is in what it answers."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Sent: ...


Sign = Callable[[str, str, int, bytes], str]
"""The signature for a secret, a message id, a time (s) and a body."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one turn did, and when (ms) it ended."""

    at_ms: int
    account_id: int
    style: str
    delivered: int
    failed: int
    """How many were not acknowledged: 1 at most, for the turn ends with it."""


def in_order(turns: Iterable[Delivered]) -> list[Delivered]:
    """By time, account and style: turns beside each other end in any order."""
    return sorted(turns, key=lambda turn: (turn.at_ms, turn.account_id, turn.style))


@dataclass(slots=True)
class _Results:
    attempts: list[Attempt]
    ended: list[Ended]
    took_ms: int = 0
    delivered: int = 0
    failed: int = 0


class Deliveries:
    """The deliveries of one server."""

    def __init__(self, context: Context, sender: Sender, encoders: Mapping[str, Encode], sign: Sign) -> None:
        self._context = context
        self._sender = sender
        self._encoders = encoders
        self._sign = sign
        self._turns: dict[asyncio.Task[None], bool] = {}
        """The turns under way, and which of them are about a listener that failed last time."""
        self._watchers: list[list[Delivered]] = []
        """Who wants to know what the turns did."""
        self._claiming = asyncio.Lock()
        self._stopping = False

    @contextlib.contextmanager
    def watch(self) -> Iterator[list[Delivered]]:
        """The list that every turn is added to as it ends, whoever began it."""
        done: list[Delivered] = []
        self._watchers.append(done)
        try:
            yield done
        finally:
            self._watchers = [watcher for watcher in self._watchers if watcher is not done]

    async def deliver_due(self) -> list[Delivered]:
        """Delivers until nothing more is due now; answers what the turns did meanwhile."""
        with self.watch() as done:
            while not self._stopping:
                await self._begin_turns()
                if not self._turns:
                    break
                await asyncio.wait(self._turns, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
        return in_order(done)

    async def next_delivery_ms(self) -> int | None:
        """The next moment (ms) after now at which a delivery falls due, or None."""
        return await read_next_delivery_ms(self._context)

    async def run_in_background(self) -> None:
        """Delivers what is due as it falls due, until canceled. A fault is logged and tried again."""
        while not self._stopping:
            try:
                await self._begin_turns()
            except (StoreUnavailable, RequestRejected) as error:
                log.warning("callbacks will be tried again: %s", error)
            except Exception:
                log.exception("callbacks will be tried again")
            if self._turns:
                await asyncio.wait(self._turns, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(POLL_S)

    async def stop(self) -> None:
        """Begins no further turn, and ends those under way soon; what was sent is recorded."""
        self._stopping = True
        if self._turns:
            await asyncio.wait(self._turns, timeout=STOP_GRACE_S)
        for turn in list(self._turns):
            turn.cancel()
        await asyncio.gather(*self._turns, return_exceptions=True)

    async def _begin_turns(self) -> None:
        """Begins a turn for each due listener that there is room for."""
        async with self._claiming:
            for again in (False, True):
                room = MAX_AT_ONCE - len(self._turns)
                if again:
                    room = min(room, MAX_RETRIES_AT_ONCE - sum(self._turns.values()))
                if room <= 0 or self._stopping:
                    continue
                due = await find_due_listeners(self._context, again, room)
                claims = (claim(self._context, account_id, style, self._encoders) for account_id, style in due)
                claimed = await asyncio.gather(*claims, return_exceptions=True)
                for turn in claimed:
                    if isinstance(turn, LeasedBatch):
                        self._begin(turn, again)
                for error in claimed:
                    if isinstance(error, BaseException):
                        raise error

    def _begin(self, turn: LeasedBatch, again: bool) -> None:
        task = asyncio.create_task(self._run(turn))
        self._turns[task] = again
        task.add_done_callback(self._turns.pop)

    async def _run(self, first: LeasedBatch) -> None:
        """Sends what the turn claimed and records it; goes on with the listener while nobody waits for the place."""
        turn: LeasedBatch | None = first
        try:
            while turn is not None:
                turn = await self._take(turn)
        except Exception:
            log.exception("callbacks of account %d were sent and not recorded", first.listener.account_id)

    async def _take(self, turn: LeasedBatch) -> LeasedBatch | None:
        """Takes a turn; answers the listener's next one, which is claimed in the transaction that records this one."""
        results = _Results([], [])
        with contextlib.suppress(asyncio.CancelledError):
            await self._send_all(turn, results)
        has_more = results.delivered == DELIVERIES_PER_LEASE
        if not has_more or self._stopping or len(self._turns) >= MAX_AT_ONCE:
            await self._record(turn, results)
            return None
        listener = turn.listener
        claiming = claim(self._context, listener.account_id, listener.style, self._encoders)
        _, claimed = await asyncio.gather(self._record(turn, results), _unless_unavailable(claiming))
        return claimed

    async def _send_all(self, turn: LeasedBatch, results: _Results) -> None:
        for waiting in turn.deliveries:
            if self._stopping or results.failed or results.took_ms >= TURN_MS:
                return
            at_ms = self._context.clock.now_ms()
            if waiting.body is None:
                sent = Sent(None, NOT_WORDED, "", 0)
            else:
                headers = self._headers(turn, waiting, waiting.body, at_ms)
                sent = await self._sender.send(turn.listener.url, headers, waiting.body)
            _note(
                results=results, turn=turn, waiting=waiting, sent=sent, at_ms=at_ms, now_ms=self._context.clock.now_ms()
            )

    def _headers(self, turn: LeasedBatch, waiting: Waiting, body: bytes, at_ms: int) -> dict[str, str]:
        """`webhook-id` is the same whenever this delivery is sent (Standard Webhooks, "Webhook Headers")."""
        message_id = f"msg_{waiting.created_ms}_{waiting.id}"
        headers = {"webhook-id": message_id}
        if turn.secret is not None:
            headers["webhook-timestamp"] = str(at_ms // 1000)
            headers["webhook-signature"] = self._sign(turn.secret, message_id, at_ms // 1000, body)
        return headers

    async def _record(self, turn: LeasedBatch, results: _Results) -> None:
        for tries_left in reversed(range(RECORD_TRIES)):
            try:
                held = await record(self._context, turn, results.attempts, results.ended)
                break
            except (StoreUnavailable, RequestRejected):
                if not tries_left:
                    raise
                await asyncio.sleep(RECORD_WAIT_S)
        if not held:
            log.warning("a turn of account %d lasted longer than its lease", turn.listener.account_id)
            return
        now_ms = self._context.clock.now_ms()
        listener = turn.listener
        done = Delivered(
            at_ms=now_ms,
            account_id=listener.account_id,
            style=listener.style,
            delivered=results.delivered,
            failed=results.failed,
        )
        for watcher in self._watchers:
            watcher.append(done)


async def _unless_unavailable(claiming: Coroutine[Any, Any, LeasedBatch | None]) -> LeasedBatch | None:
    """What was claimed; nothing while the database does not answer."""
    try:
        return await claiming
    except (StoreUnavailable, RequestRejected):
        return None


def _note(results: _Results, turn: LeasedBatch, waiting: Waiting, sent: Sent, at_ms: int, now_ms: int) -> None:
    """Notes an attempt and what becomes of its delivery."""
    results.took_ms += sent.took_ms
    results.attempts.append(
        Attempt(
            delivery_id=waiting.id,
            number=waiting.number + 1,
            at_ms=at_ms,
            took_ms=sent.took_ms,
            url=turn.listener.url,
            status=sent.status,
            error=sent.error,
            answer=sent.answer,
        )
    )
    tried = waiting.tried + 1
    if is_acknowledged(sent.status):
        results.delivered += 1
        results.ended.append(
            Ended(delivery_id=waiting.id, state=DeliveryState.DELIVERED, tried=tried, due_ms=None, ended_ms=now_ms)
        )
        return
    results.failed += 1
    due_ms = retry_ms(tried, now_ms) if waiting.body is not None else None
    if due_ms is None:
        results.ended.append(
            Ended(delivery_id=waiting.id, state=DeliveryState.FAILED, tried=tried, due_ms=None, ended_ms=now_ms)
        )
    else:
        results.ended.append(
            Ended(delivery_id=waiting.id, state=DeliveryState.WAITING, tried=tried, due_ms=due_ms, ended_ms=None)
        )
