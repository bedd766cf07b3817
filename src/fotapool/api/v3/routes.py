"""Version 3 of the API: its base path and its operations."""

from __future__ import annotations

from fotapool.api.v3 import callbacks, campaigns, devices, licenses, reports

BASE = "/api/fota/v3"
API_CONTEXT = "/fota/v3"

OPERATIONS = (
    *licenses.operations,
    *devices.operations,
    *callbacks.operations,
    *campaigns.operations,
    *reports.operations,
)
