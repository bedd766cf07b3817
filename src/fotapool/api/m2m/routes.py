"""The part of the Connectivity Management API that is emulated: its base path and its operations."""

from __future__ import annotations

from fotapool.api.common.connectivity_errors import API_CONTEXT, connectivity_error
from fotapool.api.m2m import accounts, callbacks, devices
from fotapool.domain.errors import ErrorCode, RequestRejected

ANY_VERSION = "/api/m2m"
BASE = f"{ANY_VERSION}/v1"
NAME = "m2m"
"""The name of this API in metrics and operation ids."""

OPERATIONS = (*devices.operations, *accounts.operations, *callbacks.operations)
NOT_EMULATED = connectivity_error(RequestRejected(ErrorCode.NOT_EMULATED, "This operation"), 0)
"""The response to all other paths of `/api/m2m`."""

__all__ = ["ANY_VERSION", "API_CONTEXT", "BASE", "NAME", "NOT_EMULATED", "OPERATIONS"]
