"""Campaigns of an account: the list, one campaign with progress and devices, changing its dates, canceling it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from starlette.responses import Response

from fotapool.console.app.charts import Chart, ChartRow, Series
from fotapool.console.app.downloads import Rows, csv_stream, optional_time
from fotapool.console.app.listing import Listing
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.campaigns import labels
from fotapool.console.campaigns.labels import CAMPAIGN_OF_VALUE, REASON_OF_VALUE, UPGRADE, UPGRADE_OF_VALUE
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus
from fotapool.domain.campaigns.upgrades import Reason, UpgradeStatus
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import format_device_id
from fotapool.services.campaigns import campaign_views, campaigns
from fotapool.services.campaigns.stop_rules import read_stop
from fotapool.store.campaigns.campaign_views import Counts

ROWS = 20
DEVICES = 50
COUNTED_IN_LIST = campaign_views.MAX_SHORT_COUNT
"""Largest campaign whose devices are counted with the list; larger ones are counted after it is loaded."""
_REJECTIONS = {
    ErrorCode.CAMPAIGN_STARTED: "The campaign has already ended.",
    ErrorCode.DATES_FIXED: "The campaign has started or ended. Only the end of a running campaign can be changed.",
    ErrorCode.START_DATE_INVALID: "The start date must be between today and five years from now.",
    ErrorCode.END_DATE_INVALID: "The end date must be at most a year after the start date and not before it. For a"
    " running campaign it must be at least 24 hours from now.",
    ErrorCode.WINDOW_INVALID: "A time window of the campaign starts after the new end date.",
}
_STARTED = "The campaign has started or ended since the page was loaded. This is its current state."


class Part(msgspec.Struct, frozen=True):
    """The devices in one state as a part of the campaign's bar; `css` is its class in console.css."""

    state: labels.Label
    count: int
    css: str

    @property
    def shown(self) -> tuple[str, int]:
        """What the macro parts_bar takes."""
        return self.css, self.count


def parts_of(counts: Counts) -> list[Part]:
    """The parts of the campaign's bar, without empty ones."""
    found = ((status, css, counts.statuses[status]) for status, css in labels.BAR_CLASSES.items())
    return [Part(state=UPGRADE[status], count=count, css=css) for status, css, count in found if count]


async def _campaign(call: ConsoleCall) -> Campaign:
    """The campaign in the path. Raises NotFound."""
    return await campaign_views.find_campaign(call.context, call.caller(), call.request.path_params["uuid"])


def _path(call: ConsoleCall, campaign: Campaign, *parts: str) -> str:
    return call.path("campaigns", campaign.uuid, *parts)


async def show_campaigns(call: ConsoleCall) -> Response:
    status = call.choice("status", CAMPAIGN_OF_VALUE)
    found, next_cursor = await campaign_views.list_latest_campaigns(
        call.context,
        caller=call.caller(),
        statuses=set(CampaignStatus) if status is None else {status},
        before=call.cursor(),
        limit=ROWS,
    )
    bars = {
        campaign.uuid: parts_of(await call.console.campaign_counts.counts(call.context, campaign))
        for campaign in found
        if campaign.devices <= COUNTED_IN_LIST
    }
    listing = Listing(
        found,
        cursor=call.cursor(),
        next_cursor=next_cursor,
        query={"status": call.text("status")},
        searched=campaign_views.SCAN_CAMPAIGNS,
    )
    return await call.page("campaigns/campaigns.html", "Campaigns", found=listing, bars=bars, labels=labels)


async def show_bar(call: ConsoleCall) -> Response:
    counts = await call.console.campaign_counts.counts(call.context, await _campaign(call))
    return await call.page("campaigns/campaign_bar.html", "Progress", parts=parts_of(counts))


async def show_campaign(call: ConsoleCall) -> Response:
    return await _page(call, await _campaign(call))


async def _page(
    call: ConsoleCall, campaign: Campaign, error: str = "", error_form: str = "", typed: dict[str, str] | None = None
) -> Response:
    status, reason = call.choice("status", UPGRADE_OF_VALUE), call.choice("reason", REASON_OF_VALUE)
    after = call.cursor("after")
    upgrades, next_cursor = await campaign_views.list_upgrades(
        call.context, campaign=campaign, status=status, reason=reason, after=after, limit=DEVICES
    )
    is_counted = campaign.devices <= campaign_views.MAX_UNCACHED or bool(call.text("counted"))
    progress = call.console.campaign_counts
    counts = await progress.counts(call.context, campaign) if is_counted else None
    next_label, next_ms = campaign_views.next_event(campaign)
    return await call.page(
        "campaigns/campaign.html",
        labels.campaign_name(campaign),
        409 if error else 200,
        campaign=campaign,
        found=Listing(
            upgrades,
            cursor=after,
            next_cursor=next_cursor,
            query={name: call.text(name) for name in ("status", "reason", "counted")},
            parameter="after",
            searched=campaign_views.SCAN_DEVICES,
        ),
        reason=reason,
        counts=counts,
        parts=parts_of(counts) if counts else [],
        reasons=await progress.reasons(call.context, campaign) if is_counted else {},
        allowed=campaign_views.allowed_changes(campaign, call.context.clock.now_ms()),
        next_label=next_label,
        next_ms=next_ms,
        stop=await read_stop(call.context, campaign),
        labels=labels,
        error=error,
        error_form=error_form,
        typed=typed or {"start": campaign.start_date, "end": campaign.end_date},
        campaign_path=_path(call, campaign),
    )


async def _chart(call: ConsoleCall, campaign: Campaign) -> Chart:
    points = await call.console.campaign_counts.progress(call.context, campaign)
    return Chart(
        name="course",
        title="Devices by state",
        series=[
            Series("Completed", "--good"),
            Series("Failed", "--bad"),
            Series("Canceled or rejected", "--muted"),
            Series("In progress", "--progress"),
        ],
        rows=[ChartRow(one.at_ms, (one.completed, one.failed, one.canceled, one.in_progress)) for one in points],
        csv_path=_path(call, campaign, "course.csv"),
    )


async def show_course(call: ConsoleCall) -> Response:
    campaign = await _campaign(call)
    return await call.page(
        "campaigns/campaign_progress.html",
        f"Progress of {labels.campaign_name(campaign)}",
        campaign_path=_path(call, campaign),
        progress=await _chart(call, campaign),
    )


async def send_course(call: ConsoleCall) -> Response:
    return (await _chart(call, await _campaign(call))).csv()


async def send_devices(call: ConsoleCall) -> Response:
    campaign = await _campaign(call)
    status, reason = call.choice("status", UPGRADE_OF_VALUE), call.choice("reason", REASON_OF_VALUE)

    async def batches() -> AsyncIterator[Rows]:
        async for upgrades in campaign_views.stream_upgrades(call.context, campaign, status, reason):
            yield [
                (
                    format_device_id(one.imei),
                    UPGRADE[UpgradeStatus(one.status)].value,
                    labels.REASONS[Reason(one.reason)],
                    one.attempts,
                    format_timestamp(one.scheduled_ms),
                    optional_time(one.started_ms),
                    optional_time(one.ended_ms),
                )
                for one in upgrades
            ]

    header = ("deviceId", "status", "reason", "attempts", "scheduled", "started", "ended")
    return csv_stream(f"campaign-{campaign.uuid}.csv", header, batches())


async def cancel(call: ConsoleCall) -> Response:
    """Cancels the campaign before its start, or stops it while it runs, if the form offered to stop it."""
    campaign = await _campaign(call)
    may_abort = call.field("becomes") != labels.CAMPAIGN[CampaignStatus.CANCELED].value
    try:
        canceled = await campaigns.cancel_campaign(call.context, call.caller(), campaign.uuid, may_abort=may_abort)
    except RequestRejected as error:
        messages = _REJECTIONS if may_abort else _REJECTIONS | {ErrorCode.CAMPAIGN_STARTED: _STARTED}
        return await _page(call, campaign, rejection(error, messages), error_form="cancel")
    stopped = "Campaign stopped. Upgrades in progress continue; all others are canceled."
    text = stopped if canceled.status is CampaignStatus.ABORTED else "Campaign canceled. No device will be upgraded."
    return await call.go(_path(call, campaign), text)


async def change_dates(call: ConsoleCall) -> Response:
    campaign = await _campaign(call)
    start, end = call.field("start") or campaign.start_date, call.field("end")
    try:
        changed = await campaigns.change_dates(
            call.context, caller=call.caller(), uuid=campaign.uuid, start_date=start, end_date=end, windows=None
        )
    except RequestRejected as error:
        typed = {"start": start, "end": end}
        return await _page(call, campaign, rejection(error, _REJECTIONS), error_form="dates", typed=typed)
    return await call.go(
        _path(call, campaign), f"The campaign now runs from {changed.start_date} to {changed.end_date}."
    )


def rejection(error: RequestRejected, messages: dict[ErrorCode, str]) -> str:
    """The message for a rejected form. Raises the error itself if there is no message for its code."""
    if error.code not in messages:
        raise error
    return messages[error.code]


_ONE = "/accounts/{account}/campaigns/{uuid}"
PAGES = (
    ConsolePage("GET", "/accounts/{account}/campaigns", show_campaigns),
    ConsolePage("GET", _ONE, show_campaign),
    ConsolePage("GET", _ONE + "/bar", show_bar),
    ConsolePage("GET", _ONE + "/course", show_course),
    ConsolePage("GET", _ONE + "/course.csv", send_course),
    ConsolePage("GET", _ONE + "/devices.csv", send_devices),
    ConsolePage("POST", _ONE + "/cancel", cancel, action="cancelCampaign"),
    ConsolePage("POST", _ONE + "/dates", change_dates, action="changeCampaignDates"),
)
