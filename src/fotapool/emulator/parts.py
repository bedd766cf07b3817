"""What the pages of the emulator need from the application."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from fotapool.core.clock import MovableClock
from fotapool.emulator.features import EmulatorFeatures
from fotapool.services.snapshots.seeds import Seed
from fotapool.services.snapshots.snapshot_service import SnapshotService
from fotapool.worker.callbacks.deliveries import Deliveries
from fotapool.worker.clock_jobs import ClockAdvances


class EmulatorParts(msgspec.Struct, frozen=True):
    """`seed` is what a reset restores; `deliveries` is None until the server runs."""

    clock: MovableClock
    seed: Callable[[], Seed]
    deliveries: Callable[[], Deliveries | None]
    features: EmulatorFeatures
    snapshot_service: SnapshotService
    moves: ClockAdvances = msgspec.field(default_factory=ClockAdvances)
