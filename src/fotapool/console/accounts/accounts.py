"""The overview of an account: license usage, history, forecast, rejected requests; describing and suspending it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from fotapool.console.app.charts import Chart, ChartRow, Series
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.domain.accounts.pool_history import PoolPoint
from fotapool.domain.billing import Month
from fotapool.domain.errors import Invalid
from fotapool.domain.names import AccountStatus
from fotapool.services.accounts.accounts import describe_account, set_account_status
from fotapool.services.accounts.pools import MAX_DAYS, PoolParts, read_history, read_pool
from fotapool.services.accounts.rejections import list_rejections
from fotapool.services.accounts.scheduled_changes import list_open_changes

RANGES = ((30, "30 days"), (90, "90 days"), (365, "1 year"), (MAX_DAYS, "5 years"))
DEFAULT_DAYS = 90
REJECTION_DAYS = 30


async def show_account(call: ConsoleCall) -> Response:
    days = _days(call)
    scheduled = await list_open_changes(call.context, call.account)
    pool = await read_pool(call.context, call.account, days, count=bool(call.text("count")))
    return await call.page(
        "accounts/account.html",
        call.account.name,
        account=pool.account,
        pool=pool,
        parts=_parts(pool.parts) if pool.parts else [],
        chart=_chart(call, days, pool.history),
        days=days,
        ranges=RANGES,
        month=Month.of(call.context.clock.now_ms()),
        rejections=await list_rejections(call.context, call.account, REJECTION_DAYS),
        rejection_days=REJECTION_DAYS,
        next_change=scheduled[0] if scheduled else None,
        more_changes=len(scheduled) - 1,
    )


def _parts(parts: PoolParts) -> list[tuple[str, str, int]]:
    """The parts of the usage bar: class in console.css, label, number of licenses."""
    return [
        ("used", "unused", parts.idle),
        ("progressing", "upgrading", parts.progressing),
        ("upgraded", "used", parts.upgraded),
        ("noticed", "pending removal", parts.notice),
        ("free", "available", parts.free),
    ]


def _days(call: ConsoleCall) -> int:
    return call.number("days", DEFAULT_DAYS, 1, MAX_DAYS)


def _chart(call: ConsoleCall, days: int, history: Sequence[PoolPoint]) -> Chart:
    return Chart(
        name="history",
        title="Assigned and subscribed licenses, pending removals",
        series=[Series("assigned", "--used"), Series("pending removal", "--noticed"), Series("subscribed", "--edge")],
        rows=[ChartRow(point.at_ms, (point.used, point.notice, point.total), point.mark) for point in history],
        csv_path=f"{call.path()}/history.csv?days={days}",
        band=(0, 2),
    )


async def download_history(call: ConsoleCall) -> Response:
    days = _days(call)
    return _chart(call, days, await read_history(call.context, call.account, days)).csv()


async def set_status(call: ConsoleCall) -> Response:
    try:
        status = AccountStatus(call.field("status"))
    except ValueError as error:
        raise Invalid("status must be active or suspended") from error
    if status is AccountStatus.CLOSED:
        raise Invalid("status must be active or suspended")
    await set_account_status(call.context, call.account.name, status)
    suspended = "Account suspended. The API rejects its requests."
    return await call.go(call.path(), suspended if status is AccountStatus.SUSPENDED else "Account activated.")


async def describe(call: ConsoleCall) -> Response:
    await describe_account(call.context, call.account.name, call.field("displayName"), call.field("notes"))
    return await call.go(call.path(), "Account changed.")


PAGES = (
    ConsolePage("GET", "/accounts/{account}", show_account),
    ConsolePage("POST", "/accounts/{account}/description", describe, action="describeAccount"),
    ConsolePage("GET", "/accounts/{account}/history.csv", download_history),
    ConsolePage("POST", "/accounts/{account}/status", set_status),
)
