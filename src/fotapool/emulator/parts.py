"""The parts of the emulator that the console and the operator API work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fotapool.core.clock import MovableClock
from fotapool.emulator.features import Tools
from fotapool.services.snapshots.seeds import Seed
from fotapool.services.snapshots.snapshot_service import SnapshotService
from fotapool.worker.callbacks.deliveries import Deliveries
from fotapool.worker.clock_jobs import ClockAdvances


@dataclass(frozen=True, slots=True)
class EmulatorParts:
    """The test clock, the seed to go back to, the deliveries that follow the clock, the tools, the snapshots."""

    clock: MovableClock
    seed: Callable[[], Seed]
    deliveries: Callable[[], Deliveries | None]
    tools: Tools
    snapshot_service: SnapshotService
    moves: ClockAdvances = field(default_factory=ClockAdvances)
