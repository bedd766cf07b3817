"""Campaigns of an account: the list, one with its progress, its devices and failures, its dates, canceling it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from fotapool.console.app.charts import Chart, ChartRow, Series
from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path
from fotapool.console.app.streams import Rows, csv_stream
from fotapool.console.campaigns.labels import (
    BAR_CLASSES,
    CAMPAIGN,
    CAMPAIGN_OF_WORD,
    FLOWS,
    REASON_OF_WORD,
    REASONS,
    SHORT_FLOWS,
    UPGRADE,
    UPGRADE_OF_WORD,
    campaign_name,
    hours_words,
)
from fotapool.core.timestamps import time_text
from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.errors import ErrorCode, Invalid, NotFound, RequestRejected
from fotapool.domain.names import format_device_id
from fotapool.services.campaigns import campaign_views, campaigns
from fotapool.services.campaigns.reports import get_campaign
from fotapool.store.accounts.accounts import Account
from fotapool.store.campaigns.campaign_views import Counts

ROWS = 20
DEVICES = 50
MAX_ID = 2**62
COUNTED_IN_LIST = campaign_views.MAX_SHORT_COUNT
"""Campaigns of more devices are counted by a request of their own, once the list is there."""
_UUID_LENGTH = 36
_REFUSALS = {
    ErrorCode.CAMPAIGN_STARTED: "The campaign has ended already: there is nothing left to cancel.",
    ErrorCode.DATES_FIXED: "The campaign has started or ended: only the end of one that runs can still be changed.",
    ErrorCode.START_DATE_INVALID: "The start must be a date from today on, at most five years ahead.",
    ErrorCode.END_DATE_INVALID: "The end must be a date from the start on, at most a year after it; that of a campaign"
    " that runs must be at least 24 hours from now.",
    ErrorCode.WINDOW_INVALID: "The campaign's time windows have a date that lies after the new end.",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One state's part of a campaign's bar."""

    words: str
    word: str
    count: int
    css: str
    x: float
    width: float


def parts_of(counts: Counts) -> list[Part]:
    """The bar of the campaign's devices, what is done first."""
    order = (
        UpgradeStatus.COMPLETED,
        UpgradeStatus.FAILED,
        UpgradeStatus.CANCELED,
        UpgradeStatus.REJECTED,
        UpgradeStatus.IN_PROGRESS,
        UpgradeStatus.SCHEDULED,
        UpgradeStatus.PENDING,
    )
    parts: list[Part] = []
    x = 0.0
    for status in order:
        count = counts.statuses[status]
        width = 100 * count / max(1, counts.devices)
        if count:
            parts.append(
                Part(
                    words=UPGRADE[status].words,
                    word=UPGRADE[status].word,
                    count=count,
                    css=BAR_CLASSES.get(status, "free"),
                    x=x,
                    width=width,
                )
            )
        x += width
    return parts


async def _campaign(call: ConsoleCall) -> tuple[Account, Campaign]:
    """The campaign in the path. Raises NotFound."""
    account = await call.account()
    uuid = call.request.path_params["uuid"]
    try:
        if len(uuid) > _UUID_LENGTH or "\x00" in uuid:
            raise RequestRejected(ErrorCode.CAMPAIGN_UNKNOWN)
        return account, await get_campaign(call.context, call.caller(account), uuid.lower())
    except RequestRejected as error:
        raise NotFound(f"account {account.name} has no campaign {uuid[:_UUID_LENGTH]}") from error


def _choice(call: ConsoleCall, name: str, choices: dict[str, Any]) -> Any:
    """The query's word for one of these; None without it. Raises Invalid."""
    word = call.text(name)
    if word and word not in choices:
        raise Invalid(f"{name} must be one of {', '.join(choices)}")
    return choices[word] if word else None


async def show_campaigns(call: ConsoleCall) -> Response:
    account = await call.account()
    status: CampaignStatus | None = _choice(call, "status", CAMPAIGN_OF_WORD)
    before = call.number("before", 0, 0, MAX_ID) or None
    statuses = set(CampaignStatus) if status is None else {status}
    found, go_on = await campaign_views.list_latest_campaigns(
        call.context, caller=call.caller(account), statuses=statuses, before=before, limit=ROWS
    )
    bars = {}
    for campaign in found:
        if campaign.devices <= COUNTED_IN_LIST:
            bars[campaign.uuid] = parts_of(await call.console.campaign_counts.counts(call.context, campaign))
    return await call.page(
        "campaigns/campaigns.html",
        "Campaigns",
        account=account,
        campaigns=found,
        bars=bars,
        go_on=go_on,
        before=before,
        wanted=status,
        query={"status": call.text("status")},
        words=CAMPAIGN,
        flows=SHORT_FLOWS,
        name_of=campaign_name,
        looked=campaign_views.SCAN_CAMPAIGNS,
    )


async def show_bar(call: ConsoleCall) -> Response:
    account, campaign = await _campaign(call)
    counts = await call.console.campaign_counts.counts(call.context, campaign)
    return await call.page("campaigns/campaign_bar.html", "Progress", account=account, parts=parts_of(counts))


async def show_campaign(call: ConsoleCall) -> Response:
    return await _page(call, *await _campaign(call))


async def _page(call: ConsoleCall, account: Account, campaign: Campaign, status: int = 200, **more: Any) -> Response:
    wanted: UpgradeStatus | None = _choice(call, "status", UPGRADE_OF_WORD)
    reason: Reason | None = _choice(call, "reason", REASON_OF_WORD)
    after = call.number("after", 0, 0, MAX_ID) or None
    upgrades, go_on = await campaign_views.list_upgrades(
        call.context, campaign=campaign, status=wanted, reason=reason, after=after, limit=DEVICES
    )
    is_counted = campaign.devices <= campaign_views.MAX_UNCACHED or bool(call.text("counted"))
    parts, reasons, waits = [], {}, False
    if is_counted:
        counts = await call.console.campaign_counts.counts(call.context, campaign)
        reasons = await call.console.campaign_counts.reasons(call.context, campaign)
        parts, waits = parts_of(counts), counts.open > 0
    now_ms = call.context.clock.now_ms()
    next_words, next_ms = campaign_views.next_event(campaign)
    values: dict[str, Any] = {
        "start": campaign.start_date,
        "end": campaign.end_date,
        "error": "",
        "error_of": "",
        **more,
    }
    query = {"status": call.text("status"), "reason": call.text("reason"), "counted": call.text("counted")}
    return await call.page(
        "campaigns/campaign.html",
        campaign_name(campaign),
        status,
        account=account,
        campaign=campaign,
        upgrades=upgrades,
        go_on=go_on,
        after=after,
        query=query,
        wanted=wanted,
        reason=reason,
        is_counted=is_counted,
        parts=parts,
        reasons=reasons,
        waits=waits,
        allowed=campaign_views.allowed_changes(campaign, now_ms),
        next_words=next_words,
        next_ms=next_ms,
        words=CAMPAIGN,
        flows=FLOWS,
        device_words=UPGRADE,
        reason_words=REASONS,
        hours=hours_words,
        looked=campaign_views.SCAN_DEVICES,
        here=account_path(account.name, "campaigns", campaign.uuid),
        **values,
    )


async def _chart(call: ConsoleCall, account: Account, campaign: Campaign) -> Chart:
    points = await call.console.campaign_counts.progress(call.context, campaign)
    series = [
        Series("Completed", "--good"),
        Series("Failed", "--bad"),
        Series("Canceled or rejected", "--noticed"),
        Series("In progress", "--progress"),
    ]
    rows = [ChartRow(one.at_ms, (one.completed, one.failed, one.canceled, one.in_progress)) for one in points]
    path = account_path(account.name, "campaigns", campaign.uuid, "course.csv")
    return Chart(name="course", title="Devices by state, over time", series=series, rows=rows, csv_path=path)


async def show_course(call: ConsoleCall) -> Response:
    account, campaign = await _campaign(call)
    chart = await _chart(call, account, campaign)
    title = f"Course of {campaign_name(campaign)}"
    return await call.page("campaigns/campaign_progress.html", title, account=account, campaign=campaign, course=chart)


async def send_course(call: ConsoleCall) -> Response:
    account, campaign = await _campaign(call)
    return (await _chart(call, account, campaign)).csv()


async def send_devices(call: ConsoleCall) -> Response:
    _, campaign = await _campaign(call)
    status: UpgradeStatus | None = _choice(call, "status", UPGRADE_OF_WORD)
    reason: Reason | None = _choice(call, "reason", REASON_OF_WORD)

    async def batches() -> AsyncIterator[Rows]:
        async for upgrades in campaign_views.stream_upgrades(call.context, campaign, status, reason):
            yield [
                (
                    format_device_id(one.imei),
                    UPGRADE[UpgradeStatus(one.status)].word,
                    REASONS[Reason(one.reason)],
                    one.attempts,
                    time_text(one.scheduled_ms),
                    _time(one.started_ms),
                    _time(one.ended_ms),
                )
                for one in upgrades
            ]

    header = ("deviceId", "status", "reason", "attempts", "scheduled", "started", "ended")
    return csv_stream(f"campaign-{campaign.uuid}.csv", header, batches())


def _time(timestamp_ms: int | None) -> str:
    return "" if timestamp_ms is None else time_text(timestamp_ms)


async def cancel(call: ConsoleCall) -> Response:
    account, campaign = await _campaign(call)
    try:
        canceled = await campaigns.cancel_campaign(call.context, call.caller(account), campaign.uuid, may_abort=True)
    except RequestRejected as error:
        return await _refused(call, account=account, campaign=campaign, error=error, form="cancel")
    aborted = canceled.status is CampaignStatus.ABORTED
    words = (
        "The campaign is aborted: devices that have begun are finished, all others are canceled."
        if aborted
        else "The campaign is canceled: no device is upgraded by it."
    )
    return await call.go(account_path(account.name, "campaigns", campaign.uuid), words)


async def change_dates(call: ConsoleCall) -> Response:
    account, campaign = await _campaign(call)
    start, end = call.field("start") or campaign.start_date, call.field("end")
    try:
        changed = await campaigns.change_dates(
            call.context, caller=call.caller(account), uuid=campaign.uuid, start_date=start, end_date=end, windows=None
        )
    except RequestRejected as error:
        return await _refused(call, account=account, campaign=campaign, error=error, form="dates", start=start, end=end)
    words = f"The campaign now runs from {changed.start_date} to {changed.end_date}."
    return await call.go(account_path(account.name, "campaigns", campaign.uuid), words)


async def _refused(
    call: ConsoleCall, account: Account, campaign: Campaign, error: RequestRejected, form: str, **typed: str
) -> Response:
    """The page again, with what was typed and why it can't be. Other refusals are raised on."""
    if error.code not in _REFUSALS:
        raise error
    return await _page(call, account, campaign, 409, error=_REFUSALS[error.code], error_of=form, **typed)


_ONE = "/accounts/{account}/campaigns/{uuid}"
PAGES = (
    ConsolePage("GET", "/accounts/{account}/campaigns", show_campaigns),
    ConsolePage("GET", _ONE, show_campaign),
    ConsolePage("GET", _ONE + "/bar", show_bar),
    ConsolePage("GET", _ONE + "/course", show_course),
    ConsolePage("GET", _ONE + "/course.csv", send_course),
    ConsolePage("GET", _ONE + "/devices.csv", send_devices),
    ConsolePage("POST", _ONE + "/cancel", cancel),
    ConsolePage("POST", _ONE + "/dates", change_dates),
)
