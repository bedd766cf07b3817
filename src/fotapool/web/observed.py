"""Counts, times and traces the requests of all APIs, at one place around the whole application."""

from __future__ import annotations

from collections.abc import Awaitable
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fotapool.core.telemetry.definitions import REJECTIONS, REQUEST_DURATION, REQUEST_SECONDS, REQUESTS, UNKNOWN
from fotapool.core.telemetry.metrics import Metrics, observe
from fotapool.core.telemetry.shared import Series
from fotapool.core.telemetry.tracing import Span, Tracing
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
    *(("/api/m2m/v1/session/", "sign-in"), ("/api/m2m/", "m2m")),
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
    return scope.get(OPERATION) or _unlisted(scope)


def _unlisted(scope: Scope) -> Operation:
    method, path = scope["method"], scope["path"]
    api = next((api for prefix, api in APIS if path.startswith(prefix)), "pages")
    name = getattr(scope.get("endpoint"), "__name__", UNKNOWN).strip("_")
    return api, name, method if method in METHODS else OTHER


class Observed:
    """The application with metrics."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._series: dict[Operation, tuple[Series, dict[int, Series]]] = {}
        """For each operation, the series of its durations, and the series of its requests by status."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = NO_STATUS

        def send_observed(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        began_s = perf_counter()
        try:
            await self._app(scope, receive, send_observed)
        except Exception:
            status = status or SERVER_ERROR
            raise
        finally:
            self._count(scope, status, perf_counter() - began_s)

    def _count(self, scope: Scope, status: int, took_s: float) -> None:
        operation = operation_of(scope)
        found = self._series.get(operation)
        if found is None:
            found = self._series[operation] = self._metrics.series(REQUEST_DURATION, *operation), {}
        durations, by_status = found
        requests = by_status.get(status)
        if requests is None:
            label = str(status) if status != NO_STATUS else "none"
            requests = by_status[status] = self._metrics.series(REQUESTS, *operation, label)
        observe(durations, REQUEST_SECONDS, took_s)
        requests[0] += 1
        if status >= REJECTED_FROM:
            self._metrics.count(REJECTIONS, _reason(scope.get(REJECTION), status))


def _reason(rejection: Any, status: int) -> str:
    return rejection.code.name.lower() if rejection is not None else REASONS.get(status, f"status_{status}")


class Traced:
    """The application with traces."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._tracing.request(scope["method"], scope["headers"]) as span:
            if span is None:
                await self._app(scope, receive, send)
            else:
                await self._trace(span, scope, receive, send)

    async def _trace(self, span: Span, scope: Scope, receive: Receive, send: Send) -> None:
        status = SERVER_ERROR

        def send_traced(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        try:
            await self._app(scope, receive, send_traced)
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
