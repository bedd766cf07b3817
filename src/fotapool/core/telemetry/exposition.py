"""Metrics in the format that Prometheus reads. Imported at the first scrape, to keep the start short."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    UntypedMetricFamily,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.utils import floatToGoString

from fotapool.core.telemetry import definitions
from fotapool.core.telemetry.definitions import Definition
from fotapool.core.telemetry.metrics import Metrics
from fotapool.core.telemetry.shared import Labels, Series

MEDIA_TYPE = CONTENT_TYPE_LATEST
_Family = CounterMetricFamily | GaugeMetricFamily | UntypedMetricFamily
_FAMILIES: dict[str, type[_Family]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "untyped": UntypedMetricFamily,
}


def counted_metrics(metrics: Metrics) -> list[Metric]:
    """What the processes of the server have counted."""
    sums = metrics.sums()
    return [family(one, sums.get(one.name, {})) for one in definitions.COUNTED]


def family(one: Definition, series: Mapping[Labels, Series]) -> Metric:
    """The metric with these series."""
    if one.kind == "histogram":
        histogram = HistogramMetricFamily(one.name, one.help, labels=one.labels)
        bounds = [*map(floatToGoString, one.buckets), "+Inf"]
        for labels, (*counts, total) in list(series.items()):
            sums = [sum(counts[: place + 1]) for place in range(len(counts))]
            histogram.add_metric(labels, list(zip(bounds, sums, strict=True)), total)
        return histogram
    metric = _FAMILIES[one.kind](one.name, one.help, labels=one.labels)
    for labels, (value,) in list(series.items()):
        metric.add_metric(labels, value)
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
