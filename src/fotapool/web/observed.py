"""Counts, times and traces the requests of all APIs, at one place around the whole application."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fotapool.telemetry.definitions import UNKNOWN
from fotapool.telemetry.metrics import Metrics
from fotapool.telemetry.tracing import Tracing
from fotapool.web.http import REJECTION

OPERATION = "fotapool.operation"
"""Key in the ASGI scope of the Operation that a request called; set by endpoints whose paths are in a table."""
Operation = tuple[str, str, str]
"""API, name of the operation, method: the labels `plane`, `operation` and `method`."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
NO_STATUS = 0
"""The connection ended without an answer."""
SERVER_ERROR = 500
REJECTED_FROM = 400
APIS = (
    *((f"/api/fota/{version}/", version) for version in ("v1", "v2", "v3")),
    *(("/api/", "sign-in"), ("/control/", "operator"), ("/device/", "device"), ("/console", "console")),
)
"""The API of paths that begin so; all others are pages."""
REASONS = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "body_too_large",
    415: "encoding_unsupported",
    416: "range_invalid",
    421: "host_not_allowed",
    429: "throttled",
    500: "internal",
    503: "busy",
}
"""The reasons of rejections without an error code, by status."""


def operation_of(scope: Scope) -> Operation:
    """The operation that was called. Its values are bounded: paths and methods of clients are not among them."""
    found: Operation | None = scope.get(OPERATION)
    if found is not None:
        return found
    method, path = scope["method"], scope["path"]
    api = next((api for prefix, api in APIS if path.startswith(prefix)), "pages")
    name = getattr(scope.get("endpoint"), "__name__", UNKNOWN).strip("_")
    return api, name, method if method in METHODS else OTHER


class Observed:
    """The application with metrics, and with traces if they are on."""

    def __init__(self, app: ASGIApp, metrics: Metrics, tracing: Tracing) -> None:
        self._app = app
        self._metrics = metrics
        self._tracing = tracing
        self._observers: dict[Operation, tuple[Callable[[float], None], dict[int, Callable[[], None]]]] = {}
        """For each operation, what takes a duration (s), and by status what counts a request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._tracing.is_on:
            await self._trace(scope, receive, send)
        else:
            await self._observe(scope, receive, send)

    async def _trace(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._tracing.request(scope["method"], scope["headers"]) as span:
            status = SERVER_ERROR
            try:
                status = await self._observe(scope, receive, send)
            finally:
                api, name, _ = operation_of(scope)
                attributes: dict[str, str | int] = {
                    "fotapool.api": api,
                    "fotapool.operation": name,
                    "http.response.status_code": status,
                }
                path_params = scope.get("path_params") or {}
                account = path_params.get("account") or path_params.get("name")
                if account and name != UNKNOWN:
                    attributes["fotapool.account"] = account
                span.end(f"{api} {name}", attributes, status >= SERVER_ERROR)

    async def _observe(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Returns the status of the answer."""
        status = NO_STATUS

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began_s = perf_counter()
        try:
            await self._app(scope, receive, send_observed)
        except Exception:
            status = status or SERVER_ERROR
            raise
        finally:
            self._count(scope, status, perf_counter() - began_s)
        return status

    def _count(self, scope: Scope, status: int, took_s: float) -> None:
        operation = operation_of(scope)
        observers = self._observers.get(operation)
        if observers is None:
            observers = self._observers[operation] = self._metrics.request_duration.labels(*operation).observe, {}
        observe, counters = observers
        count = counters.get(status)
        if count is None:
            label = str(status) if status != NO_STATUS else "none"
            count = counters[status] = self._metrics.requests.labels(*operation, label).inc
        observe(took_s)
        count()
        if status >= REJECTED_FROM:
            self._metrics.refusals.labels(_reason(scope.get(REJECTION), status)).inc()


def _reason(rejection: Any, status: int) -> str:
    return rejection.code.name.lower() if rejection is not None else REASONS.get(status, f"status_{status}")
