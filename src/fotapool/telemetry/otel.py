"""Traces by OpenTelemetry. Imported only if the server sends them: the packages are those of `fotapool[otel]`.

The OTEL_ environment variables that the standard defines say where to, how many, and as which service.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from fotapool import __version__
from fotapool.telemetry.tracing import NOTHING, Headers, Parent, Span, Tracing

SERVICE = "fotapool"
SAMPLER, SAMPLED = "parentbased_traceidratio", "0.01"
"""The default of OTEL_TRACES_SAMPLER: one request in a hundred, and those whose client records its trace."""
_TRACE_HEADERS = (b"traceparent", b"tracestate")
_NO_CONTEXT = otel_context.Context()
_propagator = TraceContextTextMapPropagator()


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
    provider = TracerProvider(resource=resource(instance), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return OtelTracing(provider)


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


class OtelTracing(Tracing):
    """Traces into a provider of the OpenTelemetry SDK."""

    is_on = True

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer(SERVICE, __version__)

    @contextlib.contextmanager
    def request(self, method: str, headers: Headers) -> Iterator[Span]:
        carrier = {name.decode(): value.decode("latin-1") for name, value in headers if name in _TRACE_HEADERS}
        with self._tracer.start_as_current_span(
            method,
            context=_propagator.extract(carrier, _NO_CONTEXT) if carrier else _NO_CONTEXT,
            kind=trace.SpanKind.SERVER,
            attributes={"http.request.method": method},
        ) as span:
            yield _OtelSpan(span)

    def parent(self) -> Parent:
        span = trace.get_current_span()
        return span.get_span_context() if span.is_recording() else None

    @contextlib.contextmanager
    def batch(self, parents: Iterable[Parent], size: int) -> Iterator[None]:
        recorded = [parent for parent in parents if parent is not None]
        if not recorded:  # the task of the writer has the context of the request that started it
            token = otel_context.attach(_NO_CONTEXT)
            try:
                yield
            finally:
                otel_context.detach(token)
            return
        with self._tracer.start_as_current_span(
            "writer batch",
            context=trace.set_span_in_context(trace.NonRecordingSpan(recorded[0]), _NO_CONTEXT),
            links=[trace.Link(parent) for parent in recorded[1:]],
            attributes={"fotapool.batch.commands": size},
        ):
            yield

    def statements(self, what: Any) -> AbstractContextManager[None]:
        if not trace.get_current_span().is_recording():
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
