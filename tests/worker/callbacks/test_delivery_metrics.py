"""Metrics of callbacks: the outcome of each attempt, how many wait, and since when."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from delivering import FIVE_MINUTES, clock_of, delivering, happen, listening, within
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from fotapool.core.telemetry.exposition import as_text, counted_metrics
from fotapool.core.telemetry.otel import OtelTracing
from fotapool.services.context import Context
from fotapool.web.metrics import read_metrics
from support.metrics import Scrape
from support.receivers import Reply, running_receiver

OpenContext = Callable[[], AbstractAsyncContextManager[Context]]


async def scraped(context: Context, is_up: bool = True) -> Scrape:
    return Scrape(as_text([*await read_metrics(context, is_up), *counted_metrics(context.metrics)]).decode())


async def outcomes(context: Context) -> dict[str, float]:
    found = await scraped(context)
    name = "fotapool_callbacks_total"
    return {outcome: found.value(name, outcome=outcome) for outcome in found.values(name, "outcome")}


def test_attempts_are_counted_by_outcome(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            assert await outcomes(context) == {"delivered": 0, "retried": 0, "given_up": 0}
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, 1, 2)
            for expected in (1, 2, 3):
                await deliveries.deliver_due()
                assert await outcomes(context) == {"delivered": 0, "retried": expected, "given_up": 0}
                clock_of(context).move_to(context.clock.now_ms() + FIVE_MINUTES)
            await deliveries.deliver_due()
            assert (await outcomes(context))["given_up"] == 1
            await deliveries.deliver_due()
            assert await outcomes(context) == {"delivered": 1, "retried": 3, "given_up": 1}

    with running_receiver() as receiver:
        receiver.replies.extend([Reply(500)] * 4)
        within(play())


def test_what_waits_is_counted_and_has_the_age_of_its_oldest(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, 1, 2)
            clock_of(context).move_to(context.clock.now_ms() + 5000)
            await happen(context, caller, 3)
            found = await scraped(context)
            assert found.value("fotapool_callbacks_waiting") == 3
            assert found.value("fotapool_callbacks_oldest_waiting_seconds") == 5
            await deliveries.deliver_due()
            found = await scraped(context)
            assert found.value("fotapool_callbacks_waiting") == 0
            assert found.value("fotapool_callbacks_oldest_waiting_seconds") == 0

    with running_receiver() as receiver:
        within(play())


def test_without_a_database_only_that_is_shown(open_context: OpenContext) -> None:
    async def play() -> None:
        async with open_context() as context:
            found = await scraped(context, is_up=False)
            assert found.value("fotapool_database_up") == 0
            assert "fotapool_accounts" not in found.types
            assert "fotapool_http_requests" in found.types

    within(play())


def test_an_attempt_is_a_span_whose_trace_the_receiver_gets(open_context: OpenContext) -> None:
    exporter = InMemorySpanExporter()

    async def play() -> None:
        async with open_context() as context, delivering(context) as deliveries:
            caller = await listening(context, "only", receiver.url)
            await happen(context, caller, 1)
            await deliveries.deliver_due()
            context.tracing = OtelTracing(SimpleSpanProcessor(exporter), ALWAYS_ON)
            await happen(context, caller, 2)
            await deliveries.deliver_due()

    with running_receiver() as receiver:
        receiver.replies.extend([Reply(200), Reply(503)])
        within(play())
    untraced, traced = (seen.headers.get("traceparent") for seen in receiver.seen)
    assert untraced is None
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    assert traced is not None
    assert traced.startswith(f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-0")
    assert (span.name, span.status.is_ok) == ("callback", False)
    assert (span.attributes or {})["http.response.status_code"] == 503
