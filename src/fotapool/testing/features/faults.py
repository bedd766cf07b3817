"""Faults of a test's account, which end with the test."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Any

from fotapool.testing.control import Control, ControlFailed

MATCH = ("path", "method", "nth", "every", "times", "probability", "seed")
CAMEL = {"latency_ms": "latencyMs", "expire_token": "expireToken", "by_ms": "byMs"}


class Fault:
    """A rule that makes requests or callbacks of the account fail. `with` deletes it at the end of the block."""

    def __init__(self, control: Control, account: str, device: str | None, members: dict[str, Any]) -> None:
        match = {"account": account, **{name: members.pop(name) for name in MATCH if name in members}}
        if device is not None:
            match["deviceId"] = device
        action = {CAMEL.get(name, name): value for name, value in members.items()}
        self._control = control
        self.id: int = control.call("POST", "/faults", {"match": match, "action": action})["id"]

    @property
    def matched(self) -> int:
        """Requests or callbacks that the rule matched so far."""
        return int(self._read()["matched"])

    @property
    def fired(self) -> int:
        """How often it took effect."""
        return int(self._read()["fired"])

    def _read(self) -> dict[str, Any]:
        view: dict[str, Any] = self._control.call("GET", f"/faults/{self.id}")
        return view

    def delete(self) -> None:
        """Ends the fault. Does nothing if it is gone, or the server."""
        with suppress(ControlFailed, OSError):
            self._control.call("DELETE", f"/faults/{self.id}")

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.delete()
