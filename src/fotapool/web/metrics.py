"""What a monitoring system reads: the pools and the process in figures, in the format of Prometheus."""

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


def metrics_text(context: Context, totals: tuple[int, int, int, int] | None) -> bytes:
    """The figures; `totals` are accounts, licenses, used, under notice, or None if the database does not answer."""
    return b"".join(_exposed(metric) for metric in _pool_metrics(context, totals)) + generate_latest(_process)


class _Once:
    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> list[Metric]:
        return [self._metric]


def _exposed(metric: Metric) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Once(metric))
    return generate_latest(registry)


def _pool_metrics(context: Context, totals: tuple[int, int, int, int] | None) -> list[Metric]:
    waiting = GaugeMetricFamily("fotapool_changes_waiting", "Changes that wait for the writer")
    waiting.add_metric([], context.writer.waiting)
    reachable = GaugeMetricFamily("fotapool_database_up", "Whether the database answers")
    reachable.add_metric([], 0 if totals is None else 1)
    if totals is None:
        return [waiting, reachable]
    licenses = GaugeMetricFamily("fotapool_licenses", "Licenses of all accounts", labels=["kind"])
    accounts, total, used, notice = totals
    for kind, value in (("total", total), ("used", used), ("under_notice", notice)):
        licenses.add_metric([kind], value)
    count = GaugeMetricFamily("fotapool_accounts", "Accounts")
    count.add_metric([], accounts)
    return [waiting, reachable, count, licenses]
