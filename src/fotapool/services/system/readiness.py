"""What a process knows about its readiness, between two looks at it."""

from __future__ import annotations

import asyncio

import msgspec


class Readiness(msgspec.Struct):
    """What the server waits for before it is ready, as text; empty if it is ready."""

    waits_for: str = ""
    draining: bool = False
    """Whether the server will stop soon."""
    probe: asyncio.Task[None] | None = None
    """The last try whether changes can be written."""
    probed_s: float = 0.0
    """When it began, by the event loop's clock."""
