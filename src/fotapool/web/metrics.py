"""Metrics of the pools and the process, in the format of Prometheus."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from fotapool.services.context import Context

MEDIA_TYPE = CONTENT_TYPE_LATEST

_process = CollectorRegistry()
ProcessCollector(registry=_process)
PlatformCollector(registry=_process)
GCCollector(registry=_process)


class _Collected:
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def metrics_text(context: Context, totals: tuple[int, int, int, int] | None, is_up: bool) -> bytes:
    """The metrics; `totals` are accounts, licenses, used, under notice; `is_up`: changes can be written."""
    registry = CollectorRegistry()
    registry.register(_Collected(_pool_metrics(context, totals, is_up)))
    return generate_latest(registry) + generate_latest(_process)


def _pool_metrics(context: Context, totals: tuple[int, int, int, int] | None, is_up: bool) -> list[Metric]:
    found: list[Metric] = [
        GaugeMetricFamily("fotapool_changes_waiting", "Changes that wait for the writer", context.writer.waiting),
        GaugeMetricFamily("fotapool_database_up", "Whether the database answers and takes changes", int(is_up)),
    ]
    if totals is not None:
        accounts, *counts = totals
        licenses = GaugeMetricFamily("fotapool_licenses", "Licenses of all accounts", labels=["kind"])
        for kind, value in zip(("total", "used", "under_notice"), counts, strict=True):
            licenses.add_metric([kind], value)
        found += [GaugeMetricFamily("fotapool_accounts", "Accounts", accounts), licenses]
    return found
