"""A scrape: what the server's processes have counted, and what the database has."""

from __future__ import annotations

import asyncio
import contextlib

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric

from fotapool import __version__
from fotapool.core.telemetry import definitions
from fotapool.core.telemetry.exposition import counted_metrics, family
from fotapool.core.telemetry.shared import Labels, Series
from fotapool.domain.accounts.alerts.kinds import AlertKind
from fotapool.services.context import Context
from fotapool.services.system.health import DATABASE_WITHIN_S, database_is_up
from fotapool.store.db.connection import StoreUnavailable
from fotapool.store.monitoring import StoreNumbers, read_store_numbers

_process = CollectorRegistry()
for _make in (ProcessCollector, PlatformCollector, GCCollector):
    _make(registry=_process)


async def read_metrics(context: Context, is_up: bool) -> list[Metric]:
    """The metrics of the database.

    Only that it is down, if it takes no changes (not `is_up`) or does not answer in time.
    """
    accounts = context.settings.metrics_accounts
    numbers = None
    if is_up:
        with contextlib.suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(DATABASE_WITHIN_S):
                numbers = await context.reader.short(read_store_numbers, accounts)
    found = [
        family(definitions.BUILD_INFO, {(__version__,): [1.0]}),
        family(definitions.DATABASE_UP, {(): [float(numbers is not None)]}),
    ]
    if numbers is None:
        return found
    return [*found, *_store_metrics(numbers, context.clock.now_ms()), *(_account_metrics(numbers) if accounts else ())]


def _store_metrics(numbers: StoreNumbers, now_ms: int) -> list[Metric]:
    values = (
        (definitions.ACCOUNTS, numbers.accounts),
        (definitions.LICENSES_TOTAL, numbers.licenses.total),
        (definitions.LICENSES_USED, numbers.licenses.used),
        (definitions.LICENSES_FREE, numbers.licenses.free),
        (definitions.LICENSES_UNDER_NOTICE, numbers.licenses.under_notice),
        (definitions.CAMPAIGNS_RUNNING, numbers.campaigns_running),
        (definitions.WORKER_LAG, _seconds_since(numbers.oldest_job_ms, now_ms)),
        (definitions.CALLBACKS_WAITING, numbers.callbacks_waiting),
        (definitions.CALLBACKS_OLDEST, _seconds_since(numbers.oldest_callback_ms, now_ms)),
    )
    found = [family(definition, {(): [float(value)]}) for definition, value in values]
    of_kind = {kind.word: 0 for kind in AlertKind} | dict(numbers.alerts)
    alerts: dict[Labels, Series] = {(kind,): [float(count)] for kind, count in of_kind.items()}
    return [*found, family(definitions.ALERTS_OPEN, alerts)]


def _seconds_since(timestamp_ms: int | None, now_ms: int) -> float:
    return 0.0 if timestamp_ms is None else max(now_ms - timestamp_ms, 0) / 1000


def _account_metrics(numbers: StoreNumbers) -> list[Metric]:
    licenses: dict[Labels, Series] = {
        (account, kind): [float(value)]
        for account, of_account in numbers.of_accounts
        for kind, value in of_account._asdict().items()
    }
    left_out = numbers.accounts - len(numbers.of_accounts)
    return [
        family(definitions.ACCOUNT_LICENSES, licenses),
        family(definitions.ACCOUNTS_LEFT_OUT, {(): [float(left_out)]}),
    ]


async def collect_metrics(context: Context) -> list[Metric]:
    """All metrics of the server, of all its workers.

    With several workers, without those of the process: each scrape would show another process.
    """
    found = await read_metrics(context, await database_is_up(context))
    found += await asyncio.to_thread(counted_metrics, context.metrics)
    return found if context.metrics.shared else [*found, *_process.collect()]
