"""The page of the server: whether it is ready, what waits, the settings in effect, and the check of an account."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.core.settings import SettingSource
from fotapool.domain.errors import NotFound
from fotapool.services.accounts.audits import audit_account
from fotapool.services.system.state import read_system
from fotapool.store.monitoring import MAX_JOBS_COUNTED

DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
SOURCES = {
    SettingSource.DEFAULT: "Default",
    SettingSource.COMMAND_LINE: "Command line",
    SettingSource.ENVIRONMENT: "Environment variable",
    SettingSource.FILE: "Settings file",
}


async def show_system(call: ConsoleCall) -> Response:
    """Shows the server; with an account in the query, also whether its stored numbers are consistent."""
    checks, problem, account = None, "", call.text("check")
    if account:
        try:
            checks = await audit_account(call.context, account)
        except NotFound as error:
            problem = str(error)
    settings = call.context.settings.in_effect
    return await call.page(
        "system/system.html",
        "System",
        404 if problem else 200,
        found=await read_system(call.context),
        databases=DATABASES,
        max_jobs=MAX_JOBS_COUNTED,
        settings=settings,
        changed=[one for one in settings if not one.is_default],
        only_changed=call.choice("settings", {"changed": True}) is not None,
        sources=SOURCES,
        checked=account,
        checks=checks,
        problem=problem,
    )


PAGES = (ConsolePage("GET", "/system", show_system),)
