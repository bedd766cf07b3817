"""The state of the server, and the settings that it was started with."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fotapool.core.settings import SettingSource
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.records import from_attributes
from fotapool.operator_api.calls import OperatorCall, time_or_none
from fotapool.services.system.state import SystemState, read_system
from fotapool.web.operations import Operation

_Count = Annotated[int, msgspec.Meta(ge=0)]


class SettingView(msgspec.Struct):
    """A setting in effect. `value` is `***` for a secret and `none` without one, in the unit `unit`.

    `option` of the command line is the name; `variable` is the environment variable.
    """

    option: str
    variable: str
    value: str
    unit: str
    default: str
    isDefault: bool
    source: SettingSource
    description: str


class StoredStateView(msgspec.Struct):
    """What the database says. `jobsDue` counts up to 1,000 jobs of a kind, `callbacksWaiting` up to 100,000."""

    schemaVersion: str
    campaignsRunning: _Count
    callbacksWaiting: _Count
    oldestCallback: str | None
    jobsDue: _Count
    nextJob: str | None
    workerLagSeconds: float


class SystemView(msgspec.Struct):
    """The state of the server. `status` is `ready`, or why it is not, with `reason` in words, as `/health/ready` says.

    `time` is that of the server's clock, which is the test clock in the emulator; `startTime` is real time.
    `stored` is null if the database does not answer. `settings` are those of the command that started the server.
    """

    ready: bool
    status: str
    reason: str | None
    version: str
    database: str
    startTime: str
    time: str
    testClock: bool
    changesWaiting: _Count
    stored: StoredStateView | None
    settings: list[SettingView]


async def show_system(call: OperatorCall) -> SystemView:
    """Read whether the server is ready, what waits, and the settings in effect, without secrets."""
    found, settings = await read_system(call.context), call.context.settings
    problem = found.problem
    return SystemView(
        ready=problem is None,
        status=problem.status if problem else "ready",
        reason=problem.reason if problem else None,
        version=found.version,
        database=found.database_kind,
        startTime=format_timestamp(found.started_ms),
        time=format_timestamp(found.now_ms),
        testClock=settings.emulator,
        changesWaiting=found.changes_waiting,
        stored=_stored_view(found),
        settings=[from_attributes(SettingView, one) for one in settings.in_effect],
    )


def _stored_view(found: SystemState) -> StoredStateView | None:
    if found.stored is None:
        return None
    numbers = found.stored.numbers
    return from_attributes(
        StoredStateView,
        found.stored,
        numbers,
        oldestCallback=time_or_none(numbers.oldest_callback_ms),
        nextJob=time_or_none(found.next_job_ms),
        workerLagSeconds=found.worker_lag_ms / 1000,
    )


OPERATIONS = (Operation("GET", "/system", show_system),)
