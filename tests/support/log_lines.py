"""The lines that servers of a test have logged in this process."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from fotapool.core.logs.events import LogEvent
from fotapool.core.logs.formats import JsonFormat


class LogLines:
    """The lines that the servers of a test have written so far, as objects."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        caplog.set_level(logging.INFO)

    def of(self, event: LogEvent) -> list[dict[str, Any]]:
        found = [json.loads(JsonFormat(0).format(record)) for record in self._caplog.records]
        return [line for line in found if line["event"] == event.word]

    @property
    def text(self) -> str:
        """All lines of the server; those of the test's own client are left out."""
        records = [record for record in self._caplog.records if record.name.startswith("fotapool")]
        return "\n".join(JsonFormat(0).format(record) for record in records)
