"""Version 2's operations: where it is served, and the tables of its nouns."""

from __future__ import annotations

from fotapool.api.v2.callbacks import operations as callbacks
from fotapool.api.v2.campaigns import operations as campaigns
from fotapool.api.v2.campaigns import report_operations as reports
from fotapool.api.v2.devices import log_operations as logs
from fotapool.api.v2.devices import operations as devices
from fotapool.api.v2.licenses import operations as licenses
from fotapool.api.v2.packages import operations as files

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
