"""Version 1's operations: where it is served, and the tables of its nouns."""

from __future__ import annotations

from fotapool.wire.v1 import callbacks, campaigns, devices, licenses, reports

BASE = "/api/fota/v1"
API_CONTEXT = "/fota/v1"

OPERATIONS = (
    *licenses.OPERATIONS,
    *devices.OPERATIONS,
    *callbacks.OPERATIONS,
    *campaigns.OPERATIONS,
    *reports.OPERATIONS,
)
