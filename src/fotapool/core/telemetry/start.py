"""Starts tracing, without importing OpenTelemetry if it is off."""

from __future__ import annotations

import os
import socket

from fotapool.core.telemetry.tracing import OFF, Tracing


def start_tracing(on: bool) -> Tracing:
    """The tracing of this process. Raises ValueError if the packages of OpenTelemetry are missing."""
    if not on:
        return OFF
    try:
        from fotapool.core.telemetry.otel import make_tracing
    except ImportError as error:
        raise ValueError("--otel needs further packages: pip install 'fotapool[otel]'") from error
    return make_tracing(process_name(os.getpid()))


def process_name(process_id: int) -> str:
    """The name of a process of this machine among those of all machines."""
    return f"{socket.gethostname()}-{process_id}"
