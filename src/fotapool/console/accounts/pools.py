"""The list of accounts with their license usage; creating an account."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.accounts.subscriptions import parse_purchase_type
from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path, whole_number
from fotapool.services.accounts import pool_history
from fotapool.services.accounts.accounts import create_account

ROWS = 50
MAX_PAGE = 100_000
MAX_LICENSES = 10**12


async def show_pools(call: ConsoleCall) -> Response:
    query = {"search": call.text("search"), "order": call.text("order", "name"), "down": call.text("down")}
    page = call.number("page", 1, 1, MAX_PAGE)
    total, pools = await pool_history.list_pools(
        call.context,
        search=query["search"],
        order=query["order"],
        descending=bool(query["down"]),
        offset=(page - 1) * ROWS,
        limit=ROWS,
    )
    pages = max(1, -(-total // ROWS))
    return await call.page(
        "accounts/pools.html", "Accounts", pools=pools, query=query, page=page, pages=pages, total=total
    )


async def add_account(call: ConsoleCall) -> Response:
    total = whole_number("licenses", call.field("licenseCount") or "0", 0, MAX_LICENSES)
    purchase_type = parse_purchase_type(call.field("purchaseType"))
    account = await create_account(call.context, call.field("name"), purchase_type, total)
    text = f"Account {account.name} created. Next: import its devices, and give an API user access."
    return await call.go(account_path(account.name), text)


PAGES = (ConsolePage("GET", "/pools", show_pools), ConsolePage("POST", "/pools", add_account, action="createAccount"))
