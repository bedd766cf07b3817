"""Sends by OTLP what a scrape would show, under the same names. Imported only if the server sends metrics."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import export
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client.core import Metric
from prometheus_client.samples import Sample

from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.telemetry.otel import SERVICE, prepare_environment, resource

log = Log(__name__)

Collect = Callable[[], Awaitable[Iterable[Metric]]]
INTERVAL_MS = 60_000
"""The default of OTEL_METRIC_EXPORT_INTERVAL, by the standard."""
LAST_WITHIN_S = 3.0
"""How long the last export may take when the server stops."""
_CUMULATIVE = export.AggregationTemporality.CUMULATIVE


@contextlib.asynccontextmanager
async def sending_metrics(
    collect: Collect, now_ms: Callable[[], int], began_ms: int, instance: str
) -> AsyncIterator[None]:
    """Sends the metrics that `collect` returns in intervals, and once more at the end.

    `began_ms` is when counting began.
    """
    prepare_environment()
    exporter, source = OTLPMetricExporter(), resource(instance)
    interval_s = int(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL_MS)) / 1000

    async def send() -> None:
        metrics = list(_translated(await collect(), began_ms * 1_000_000, now_ms() * 1_000_000))
        scope = export.ScopeMetrics(InstrumentationScope(SERVICE), metrics, "")
        data = export.MetricsData([export.ResourceMetrics(source, [scope], "")])
        await asyncio.to_thread(exporter.export, data)

    async def run() -> None:
        while True:
            await asyncio.sleep(interval_s)
            try:
                await send()
            except Exception as error:
                log.write(LogEvent.METRICS_NOT_SENT, error, interval_s=f"{interval_s:g}")

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WITHIN_S):
                await send()
        exporter.shutdown()


def _translated(metrics: Iterable[Metric], began_ns: int, now_ns: int) -> Iterator[export.Metric]:
    for metric in metrics:
        data: export.DataT
        if metric.type == "histogram":
            data = export.Histogram(list(_histogram_points(metric.samples, began_ns, now_ns)), _CUMULATIVE)
        else:
            points = [
                export.NumberDataPoint(dict(sample.labels), began_ns, now_ns, float(sample.value))
                for sample in metric.samples
            ]
            data = export.Sum(points, _CUMULATIVE, True) if metric.type == "counter" else export.Gauge(points)
        yield export.Metric(metric.name, metric.documentation, "", data)


def _histogram_points(samples: Iterable[Sample], began_ns: int, now_ns: int) -> Iterator[export.HistogramDataPoint]:
    """A point for each set of labels; `samples` have the numbers at or below each bound, which are added up."""
    by_labels: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
    for sample in samples:
        labels = tuple(sorted((name, value) for name, value in sample.labels.items() if name != "le"))
        by_labels.setdefault(labels, {})[sample.labels.get("le", sample.name.rpartition("_")[2])] = sample.value
    for labels, values in by_labels.items():
        total = values.pop("sum")
        count = int(values.pop("count"))
        below = sorted((float(bound), int(value)) for bound, value in values.items())
        totals = [0, *(value for _, value in below)]
        counts = [value - before for before, value in itertools.pairwise(totals)]
        yield export.HistogramDataPoint(
            attributes=dict(labels),
            start_time_unix_nano=began_ns,
            time_unix_nano=now_ns,
            count=count,
            sum=total,
            bucket_counts=counts,
            explicit_bounds=[bound for bound, _ in below[:-1]],
            min=None,  # type: ignore[arg-type]  # not known, and optional in the protocol
            max=None,  # type: ignore[arg-type]
        )
