"""The page of one account: its pool as a picture, over time and ahead, what was refused; suspending it."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from fotapool.console.app.charts import Chart, ChartRow, Series
from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path
from fotapool.domain.accounts.pool_history import PoolPoint
from fotapool.domain.billing import Month
from fotapool.domain.errors import Invalid
from fotapool.domain.names import AccountStatus
from fotapool.services.accounts.accounts import set_account_status
from fotapool.services.accounts.pools import MAX_DAYS, PoolParts, read_history, read_pool
from fotapool.services.accounts.rejections import list_rejections

RANGES = ((30, "30 days"), (90, "90 days"), (365, "1 year"), (MAX_DAYS, "5 years"))
DEFAULT_DAYS = 90
REFUSAL_DAYS = 30


async def show_account(call: ConsoleCall) -> Response:
    account = await call.account()
    days = _days(call)
    found = await read_pool(call.context, account, days, count=bool(call.text("count")))
    pool, parts = found.account, found.parts
    rejected = await list_rejections(call.context, account, REFUSAL_DAYS)
    return await call.page(
        "accounts/account.html",
        account.name,
        account=pool,
        found=found,
        parts=_named_parts(parts) if parts else [],
        counted=parts is not None,
        chart=_chart(account.name, days, found.history),
        days=days,
        ranges=RANGES,
        month=Month.of(call.context.clock.now_ms()),
        rejected=rejected,
        refusal_days=REFUSAL_DAYS,
    )


def _named_parts(parts: PoolParts) -> list[tuple[str, str, int]]:
    """Of each part of the bar: its class in console.css, what it is, and how many licenses."""
    return [
        ("used", "assigned, idle", parts.idle),
        ("progressing", "in an upgrade in progress", parts.progressing),
        ("upgraded", "used by a completed upgrade", parts.upgraded),
        ("noticed", "under notice", parts.notice),
        ("free", "free", parts.free),
    ]


def _days(call: ConsoleCall) -> int:
    return call.number("days", DEFAULT_DAYS, 1, MAX_DAYS)


def _chart(account: str, days: int, history: Sequence[PoolPoint]) -> Chart:
    series = [Series("used", "--used"), Series("under notice", "--noticed"), Series("licenses", "--edge")]
    rows = [ChartRow(point.at_ms, (point.used, point.notice, point.total), point.mark) for point in history]
    path = f"{account_path(account)}/history.csv?days={days}"
    return Chart(
        name="history", title="Used, under notice and subscribed licenses", series=series, rows=rows, csv_path=path
    )


async def download_history(call: ConsoleCall) -> Response:
    account = await call.account()
    days = _days(call)
    return _chart(account.name, days, await read_history(call.context, account, days)).csv()


async def set_status(call: ConsoleCall) -> Response:
    account = await call.account()
    wanted = call.field("status")
    if wanted not in {status.value for status in AccountStatus}:
        raise Invalid("status must be active or suspended")
    status = AccountStatus(wanted)
    await set_account_status(call.context, account.name, status)
    words = (
        "The account is suspended: its users' requests are refused from now on."
        if status is AccountStatus.SUSPENDED
        else "The account is active again."
    )
    return await call.go(account_path(account.name), words)


PAGES = (
    ConsolePage("GET", "/accounts/{account}", show_account),
    ConsolePage("GET", "/accounts/{account}/history.csv", download_history),
    ConsolePage("POST", "/accounts/{account}/status", set_status),
)
