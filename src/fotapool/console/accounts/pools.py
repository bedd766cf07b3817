"""The list of accounts by the use of their licenses; creating an account."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.accounts.subscriptions import parse_purchase_type
from fotapool.console.accounts.usage_labels import runs_out_label, status_label
from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path, whole_number
from fotapool.domain.accounts.subscriptions import MAX_LICENSES
from fotapool.services.accounts.accounts import create_account
from fotapool.services.accounts.pool_history import list_accounts_by_usage
from fotapool.store.accounts.account_usage import UsageFilter, UsageSums

ROWS = 50
MAX_PAGE = 100_000
FILTERS = {
    UsageFilter.ALL: "All",
    UsageFilter.ATTENTION: "Needs attention",
    UsageFilter.FULL: "Full",
    UsageFilter.SOON: "Runs out in 30 days",
    UsageFilter.SUSPENDED: "Suspended",
}


def _count(sums: UsageSums, wanted: UsageFilter) -> int:
    return sums.accounts if wanted is UsageFilter.ALL else int(getattr(sums, wanted.value))


async def show_accounts(call: ConsoleCall) -> Response:
    wanted = call.choice("show", {one.value: one for one in UsageFilter}) or UsageFilter.ALL
    order = call.text("order", "usage")
    query = {
        "search": call.text("search"),
        "show": call.text("show"),
        "order": order,
        "down": call.text("down", "1" if "order" not in call.request.query_params else ""),
    }
    page = call.number("page", 1, 1, MAX_PAGE)
    sums, accounts = await list_accounts_by_usage(
        call.context,
        search=query["search"],
        wanted=wanted,
        order=order,
        descending=bool(query["down"]),
        offset=(page - 1) * ROWS,
        limit=ROWS,
    )
    total = _count(sums, wanted)
    return await call.page(
        "accounts/pools.html",
        "Accounts",
        accounts=accounts,
        sums=sums,
        filters=[(one.value, label, _count(sums, one), one is wanted) for one, label in FILTERS.items()],
        query=query,
        page=page,
        pages=max(1, -(-total // ROWS)),
        total=total,
        status_label=status_label,
        runs_out_label=runs_out_label,
    )


async def add_account(call: ConsoleCall) -> Response:
    total = whole_number("licenses", call.field("licenseCount") or "0", 0, MAX_LICENSES)
    purchase_type = parse_purchase_type(call.field("purchaseType"))
    account = await create_account(call.context, call.field("name"), purchase_type, total)
    text = f"Account {account.name} created. Next: import its devices, and give an API user access."
    return await call.go(account_path(account.name), text)


PAGES = (
    ConsolePage("GET", "/pools", show_accounts),
    ConsolePage("GET", "/accounts", show_accounts),
    ConsolePage("POST", "/pools", add_account, action="createAccount"),
)
