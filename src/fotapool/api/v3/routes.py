"""Version 3's operations: where it is served, and the tables of its nouns."""

from __future__ import annotations

from fotapool.api.v3.callbacks import operations as callbacks
from fotapool.api.v3.campaigns import operations as campaigns
from fotapool.api.v3.campaigns import report_operations as reports
from fotapool.api.v3.devices import operations as devices
from fotapool.api.v3.licenses import operations as licenses

BASE = "/api/fota/v3"
API_CONTEXT = "/fota/v3"

OPERATIONS = (
    *licenses.OPERATIONS,
    *devices.OPERATIONS,
    *callbacks.OPERATIONS,
    *campaigns.OPERATIONS,
    *reports.OPERATIONS,
)
