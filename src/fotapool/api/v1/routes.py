"""Version 1 of the API: its base path and its operations."""

from __future__ import annotations

from fotapool.api.v1 import callbacks, campaigns, devices, licenses, reports

BASE = "/api/fota/v1"
API_CONTEXT = "/fota/v1"

OPERATIONS = (
    *licenses.operations,
    *devices.operations,
    *callbacks.operations,
    *campaigns.operations,
    *reports.operations,
)
