"""The page of all pools: search, sorting, paging, the last 30 days; and a new account."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path, whole_number
from fotapool.domain.errors import Invalid
from fotapool.domain.names import PurchaseType
from fotapool.services.accounts import pool_history
from fotapool.services.accounts.accounts import create_account

ROWS = 50
MAX_PAGE = 100_000
MAX_LICENSES = 10**12


async def show_pools(call: ConsoleCall) -> Response:
    order = call.text("order", "name")
    query = {"search": call.text("search"), "order": order, "down": call.text("down")}
    page = call.number("page", 1, 1, MAX_PAGE)
    total, pools = await pool_history.list_pools(
        call.context,
        search=query["search"],
        order=order,
        descending=bool(query["down"]),
        offset=(page - 1) * ROWS,
        limit=ROWS,
    )
    pages = max(1, -(-total // ROWS))
    return await call.page(
        "accounts/pools.html", "Pools", pools=pools, query=query, page=page, pages=pages, total=total
    )


async def add_account(call: ConsoleCall) -> Response:
    total = whole_number("licenses", call.field("licenseCount") or "0", 0, MAX_LICENSES)
    try:
        purchase_type = PurchaseType.parse(call.field("purchaseType"))
    except ValueError as error:
        raise Invalid("purchase type must be TS-HFOTA-MRC, TS-HFOTA-EVNT or both") from error
    account = await create_account(call.context, call.field("name"), purchase_type, total)
    words = f"Account {account.name} is there. Next: import its devices, and give a user access to it."
    return await call.go(account_path(account.name), words)


PAGES = (ConsolePage("GET", "/pools", show_pools), ConsolePage("POST", "/pools", add_account))
