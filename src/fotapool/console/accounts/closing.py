"""Closing an account: what that would end, and the form that asks for the account's name."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.accounts.subscriptions import DECIDED_AT_ONCE
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.domain.identity import Role
from fotapool.services.accounts.closing import close_account, preview_closing

_PATH = "/accounts/{account}/close"


async def show_closing(call: ConsoleCall, problem: str = "", status: int = 200) -> Response:
    is_loading = call.account.used > DECIDED_AT_ONCE and not call.text("counted") and not problem
    holdings = None if is_loading else await preview_closing(call.context, call.caller())
    return await call.page("accounts/close.html", "Close account", status, holdings=holdings, problem=problem)


async def close(call: ConsoleCall) -> Response:
    if call.field("confirm") != call.account.name:
        return await show_closing(call, "Nothing was changed: type the account's name to confirm.", 400)
    await close_account(call.context, call.caller())
    return await call.go(call.path(), "Account closed.")


PAGES = (
    ConsolePage("GET", _PATH, show_closing),
    ConsolePage("POST", _PATH, close, role=Role.ADMIN, action="closeAccount"),
)
