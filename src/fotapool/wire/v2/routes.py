"""Version 2's operations: where it is served, and the tables of its nouns."""

from __future__ import annotations

from fotapool.wire.v2 import callbacks, campaigns, devices, files, licenses, logs, reports

BASE = "/api/fota/v2"
API_CONTEXT = "/fota/v2"

OPERATIONS = (
    *licenses.OPERATIONS,
    *files.OPERATIONS,
    *devices.OPERATIONS,
    *logs.OPERATIONS,
    *callbacks.OPERATIONS,
    *campaigns.OPERATIONS,
    *reports.OPERATIONS,
)
