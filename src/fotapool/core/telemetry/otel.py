"""Traces by OpenTelemetry. Imported only if the server sends them: the packages are those of `fotapool[otel]`.

The OTEL_ environment variables that the standard defines say where to, how many, and as which service.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from fotapool import __version__
from fotapool.core.telemetry.tracing import NOTHING, Headers, Parent, Span, Tracing

SERVICE = "fotapool"
SAMPLER, SAMPLED = "parentbased_traceidratio", "0.01"
"""The default of OTEL_TRACES_SAMPLER: one request in a hundred, and those whose client records its trace."""
_TRACE_HEADERS = (b"traceparent", b"tracestate")
_NO_CONTEXT = otel_context.Context()
_propagator = TraceContextTextMapPropagator()
_is_recorded: contextvars.ContextVar[bool] = contextvars.ContextVar("fotapool_is_recorded", default=False)
"""Whether the present request or batch is recorded: a look at the present span takes much longer."""


@contextlib.contextmanager
def _recorded() -> Iterator[None]:
    """Sets it for a request or a batch."""
    token = _is_recorded.set(True)
    try:
        yield
    finally:
        _is_recorded.reset(token)


def prepare_environment() -> None:
    """Sets the defaults of fotapool for what the environment does not say."""
    os.environ.setdefault("OTEL_SERVICE_NAME", SERVICE)
    if "OTEL_TRACES_SAMPLER" not in os.environ:
        os.environ["OTEL_TRACES_SAMPLER"] = SAMPLER
        os.environ.setdefault("OTEL_TRACES_SAMPLER_ARG", SAMPLED)


def resource(instance: str) -> Resource:
    """What sends: the service, its version, and the one of its processes."""
    return Resource.create({"service.version": __version__, "service.instance.id": instance})


def make_tracing(instance: str) -> OtelTracing:
    """Tracing that sends spans by OTLP over HTTP."""
    prepare_environment()
    return OtelTracing(BatchSpanProcessor(OTLPSpanExporter()), source=resource(instance))


class _OtelSpan(Span):
    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self.headers: dict[str, str] = {}
        if span.is_recording():
            _propagator.inject(self.headers)

    def end(self, name: str, attributes: Mapping[str, str | int], failed: bool) -> None:
        if self._span.is_recording():
            if name:
                self._span.update_name(name)
            self._span.set_attributes(attributes)
            if failed:
                self._span.set_status(trace.StatusCode.ERROR)


class _Ids(RandomIdGenerator):
    """Random ids, except for a trace whose id is known already, since it was sampled by it."""

    next_trace_id = 0

    def generate_trace_id(self) -> int:
        trace_id, self.next_trace_id = self.next_trace_id, 0
        return trace_id or super().generate_trace_id()


class OtelTracing(Tracing):
    """Traces with the SDK of OpenTelemetry. Default of the sampler: the one that the environment names."""

    is_on = True

    def __init__(
        self, processor: SpanProcessor, sampler: Sampler | None = None, source: Resource | None = None
    ) -> None:
        self._ids = _Ids()
        self._provider = TracerProvider(
            sampler=sampler, resource=source, shutdown_on_exit=False, id_generator=self._ids
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer(SERVICE, __version__)

    def request(self, method: str, headers: Headers) -> AbstractContextManager[Span | None]:
        carrier = {name.decode(): value.decode("latin-1") for name, value in headers if name in _TRACE_HEADERS}
        attributes = {"http.request.method": method}
        context = _NO_CONTEXT
        if carrier:
            context = _propagator.extract(carrier, context)
        else:  # a span that is not recorded takes three times as long as to find out that it will not be
            trace_id = self._ids.generate_trace_id()
            sampled = self._provider.sampler.should_sample(
                context, trace_id, method, kind=trace.SpanKind.SERVER, attributes=attributes
            )
            if sampled.decision is Decision.DROP:
                return NOTHING
            self._ids.next_trace_id = trace_id
        span = self._tracer.start_span(method, context=context, kind=trace.SpanKind.SERVER, attributes=attributes)
        return self._request(span) if span.is_recording() else NOTHING

    @contextlib.contextmanager
    def _request(self, span: trace.Span) -> Iterator[Span]:
        with _recorded(), trace.use_span(span, end_on_exit=True):
            yield _OtelSpan(span)

    def parent(self) -> Parent:
        return trace.get_current_span().get_span_context() if _is_recorded.get() else None

    def batch(self, parents: Iterable[Parent], size: int) -> AbstractContextManager[None]:
        recorded = [parent for parent in parents if parent is not None]
        return self._batch(recorded, size) if recorded else NOTHING

    @contextlib.contextmanager
    def _batch(self, recorded: Sequence[trace.SpanContext], size: int) -> Iterator[None]:
        with (
            _recorded(),
            self._tracer.start_as_current_span(
                "writer batch",
                context=trace.set_span_in_context(trace.NonRecordingSpan(recorded[0]), _NO_CONTEXT),
                links=[trace.Link(parent) for parent in recorded[1:]],
                attributes={"fotapool.batch.commands": size},
            ),
        ):
            yield

    def statements(self, what: Any) -> AbstractContextManager[None]:
        if not _is_recorded.get():
            return NOTHING
        return self._statements(what if isinstance(what, str) else what.__qualname__.replace("<locals>.", ""))

    @contextlib.contextmanager
    def _statements(self, name: str) -> Iterator[None]:
        with self._tracer.start_as_current_span(name, kind=trace.SpanKind.CLIENT):
            yield

    @contextlib.contextmanager
    def callback(self, account_id: int, style: str) -> Iterator[Span]:
        attributes: dict[str, str | int] = {"fotapool.account_id": account_id, "fotapool.api": style}
        with self._tracer.start_as_current_span(
            "callback", context=_NO_CONTEXT, kind=trace.SpanKind.CLIENT, attributes=attributes
        ) as span:
            yield _OtelSpan(span)

    def bound(self, work: Callable[..., Any]) -> Callable[..., Any]:
        return partial(contextvars.copy_context().run, work)

    async def stop(self) -> None:
        await asyncio.to_thread(self._provider.shutdown)
