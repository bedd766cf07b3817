"""Runs bulk jobs in the background, step by step; requests have priority."""

from __future__ import annotations

import asyncio

from fotapool.core.logs.events import Log, LogEvent
from fotapool.domain.errors import RequestRejected
from fotapool.services.context import Context
from fotapool.services.licenses.bulk_jobs import step_running_job
from fotapool.store.db.connection import ConstraintViolated, StoreUnavailable
from fotapool.worker.runner import TICK_S, give_way

log = Log(__name__)


async def run_in_background(context: Context) -> None:
    """Runs steps of running jobs, until canceled. Errors are logged, and the step is retried at the next tick.

    Bulk jobs do not depend on the test clock. Several servers may run steps of one job: each step reads the job's
    progress in its transaction.
    """
    while True:
        await asyncio.sleep(TICK_S)
        try:
            while await give_way(context, step_running_job):
                pass
        except (StoreUnavailable, ConstraintViolated, RequestRejected) as error:
            log.write(LogEvent.BULK_JOB_FAILED, reason=error)
        except Exception as error:
            log.write(LogEvent.BULK_JOB_FAILED, error, reason=repr(error))
