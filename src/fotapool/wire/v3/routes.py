"""Version 3's operations: where it is served, and the tables of its nouns."""

from __future__ import annotations

from fotapool.wire.v3 import callbacks, campaigns, devices, licenses, reports

BASE = "/api/fota/v3"
API_CONTEXT = "/fota/v3"

OPERATIONS = (
    *licenses.OPERATIONS,
    *devices.OPERATIONS,
    *callbacks.OPERATIONS,
    *campaigns.OPERATIONS,
    *reports.OPERATIONS,
)
