"""Carries out the lists that operators gave, step by step and in the background; requests go first."""

from __future__ import annotations

import asyncio
import logging

from fotapool.domain.errors import RequestRejected
from fotapool.services.context import Context
from fotapool.services.licenses.bulk_jobs import step_running_job
from fotapool.store.db.connection import ConstraintViolated, StoreUnavailable
from fotapool.worker.runner import TICK_S, give_way

log = logging.getLogger(__name__)


async def run_in_background(context: Context) -> None:
    """Does steps while there is a job, until canceled; a fault is logged and tried again at the next tick.

    It does not wait for the test clock: a list has no time at which it is due. Several servers may be at one job:
    a step reads in its transaction how far the job has got.
    """
    while True:
        await asyncio.sleep(TICK_S)
        try:
            while await give_way(context, step_running_job):
                pass
        except (StoreUnavailable, ConstraintViolated, RequestRejected) as error:
            log.warning("a list to assign or remove by will be gone on with: %s", error)
        except Exception:
            log.exception("a list to assign or remove by will be gone on with")
