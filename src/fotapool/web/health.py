"""Liveness and readiness for process supervisors, and the metrics."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from fotapool import __version__
from fotapool.services.context import Context
from fotapool.services.system.health import why_not_ready


def routes(context: Context) -> list[BaseRoute]:
    """The routes, without /metrics if the settings close it."""

    async def live(request: Request) -> Response:
        return JSONResponse({"status": "live", "version": __version__})

    async def ready(request: Request) -> Response:
        found = await why_not_ready(context)
        if found is None:
            return JSONResponse({"ready": True, "status": "ready", "version": __version__})
        body = {"ready": False, "reason": found.reason, "status": found.status, "version": __version__}
        headers = {"Retry-After": str(context.settings.retry_after_s)} if found.may_return else None
        return JSONResponse(body, 503, headers)

    async def metrics(request: Request) -> Response:
        from fotapool.core.telemetry.exposition import MEDIA_TYPE, as_text  # imported here to keep the start short
        from fotapool.web.metrics import collect_metrics

        found = await collect_metrics(context)
        return Response(await asyncio.to_thread(as_text, found), media_type=MEDIA_TYPE)

    found: list[BaseRoute] = [Route("/health/live", live), Route("/health/ready", ready)]
    return found if context.settings.close_metrics else [*found, Route("/metrics", metrics)]
