"""The metrics that a process counts itself, and the format in which Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily, Metric, UntypedMetricFamily
from prometheus_client.exposition import generate_latest

from fotapool.core.clock import SystemClock
from fotapool.telemetry import definitions
from fotapool.telemetry.definitions import Definition
from fotapool.telemetry.shared import SharedCounts

MEDIA_TYPE = CONTENT_TYPE_LATEST

disable_created_metrics()  # type: ignore[no-untyped-call]  # they would double the number of series


def _counter(one: Definition, registry: CollectorRegistry) -> Counter:
    return Counter(one.name, one.help, one.labels, registry=registry)


def _histogram(one: Definition, registry: CollectorRegistry) -> Histogram:
    return Histogram(one.name, one.help, one.labels, buckets=one.buckets, registry=registry)


class Metrics:
    """What one process counts. With several workers the values are in files that all of them read (`shared.py`)."""

    def __init__(self, shared: SharedCounts | None = None) -> None:
        self.shared = shared
        """The counts of all workers; None if this is the only process."""
        self.began_ms = shared.began_ms if shared else SystemClock().now_ms()
        """When counting began."""
        self.registry = CollectorRegistry()
        """The values of this process."""
        self.requests = _counter(definitions.REQUESTS, self.registry)
        self.request_duration = _histogram(definitions.REQUEST_DURATION, self.registry)
        self.refusals = _counter(definitions.REFUSALS, self.registry)
        self.sign_in_failures = _counter(definitions.SIGN_IN_FAILURES, self.registry)
        self.batch_size = _histogram(definitions.BATCH_SIZE, self.registry)
        waiting = definitions.CHANGES_WAITING
        self.changes_waiting = Gauge(waiting.name, waiting.help, multiprocess_mode="livesum", registry=self.registry)
        self.database_errors = _counter(definitions.DATABASE_ERRORS, self.registry)
        self.callbacks = _counter(definitions.CALLBACKS, self.registry)
        for outcome in definitions.OUTCOMES:
            self.callbacks.labels(outcome)
        self.workers_replaced = _counter(definitions.WORKERS_REPLACED, self.registry)

    def count_error(self, error: Exception) -> None:
        """Counts an error of the database (store/db/connection.py) by its kind; no other errors."""
        kind: str | None = getattr(error, "kind", None)
        if kind is not None:
            self.database_errors.labels(kind).inc()


def gauge(one: Definition, values: Mapping[Sequence[str], float]) -> Metric:
    """A metric with these values, each by the values of its labels; for what is read at a scrape."""
    family = UntypedMetricFamily if one.kind == "untyped" else GaugeMetricFamily
    metric = family(one.name, one.help, labels=one.labels)
    for labels, value in values.items():
        metric.add_metric(list(labels), value)
    return metric


class _Collected:
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def as_text(metrics: Iterable[Metric]) -> bytes:
    """The metrics in the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Collected(metrics))
    return generate_latest(registry)
