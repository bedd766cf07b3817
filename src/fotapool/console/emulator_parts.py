"""What only the emulator's console works with, as the application hands it over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fotapool.clock import MovableClock
from fotapool.emulating.tools import Tools
from fotapool.engine.deliveries import Deliveries
from fotapool.engine.moves import Moves
from fotapool.usecases.keeping import Keeper
from fotapool.usecases.seeds import Seed


@dataclass(frozen=True, slots=True)
class EmulatorParts:
    """The test clock, the seed to go back to, the deliveries that follow the clock, the tools, the snapshots."""

    clock: MovableClock
    seed: Callable[[], Seed]
    deliveries: Callable[[], Deliveries | None]
    tools: Tools
    keeper: Keeper
    moves: Moves = field(default_factory=Moves)
