"""Health, readiness and metrics: what a process supervisor and a monitoring system ask."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fotapool import __version__
from fotapool.store.accounts import read_account_totals
from fotapool.store.database import StoreUnavailable
from fotapool.usecases.context import Context


@dataclass(slots=True)
class Readiness:
    """What the server still waits for before it calls itself ready, in words; nothing if it does not wait."""

    waits_for: str = ""


def routes(context: Context, readiness: Readiness) -> list[BaseRoute]:
    """The routes; metrics only where they are not closed."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)

    async def live(request: Request) -> Response:
        return JSONResponse({"status": "live", "version": __version__})

    async def ready(request: Request) -> Response:
        try:
            await context.reader.short(read_account_totals)
        except StoreUnavailable as error:
            headers = {"Retry-After": str(context.settings.retry_after_s)}
            return JSONResponse({"status": "unavailable", "reason": str(error)}, 503, headers)
        if readiness.waits_for:
            return JSONResponse({"status": readiness.waits_for, "version": __version__}, 503)
        return JSONResponse({"status": "ready", "version": __version__})

    async def metrics(request: Request) -> Response:
        try:
            totals = await context.reader.short(read_account_totals)
        except StoreUnavailable:
            totals = None
        text = b"".join(_exposed(metric) for metric in _pool_metrics(context, totals))
        return Response(text + generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    found: list[BaseRoute] = [Route("/health/live", live), Route("/health/ready", ready)]
    return found if context.settings.close_metrics else [*found, Route("/metrics", metrics)]


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
