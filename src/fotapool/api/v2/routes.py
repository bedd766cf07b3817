"""Version 2 of the API: its base path and its operations."""

from __future__ import annotations

from fotapool.api.v2 import callbacks, campaigns, devices, files, licenses, logs, reports

BASE = "/api/fota/v2"
API_CONTEXT = "/fota/v2"

OPERATIONS = (
    *licenses.operations,
    *files.operations,
    *devices.operations,
    *logs.operations,
    *callbacks.operations,
    *campaigns.operations,
    *reports.operations,
)
