"""The campaigns of all accounts, or those of a package."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.listing import Listing
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.campaigns import labels
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.services.campaigns import all_campaigns as service
from fotapool.store.campaigns.all_campaigns import MAX_COUNTED, ORDER

ROWS = 50
GROUPS = dict(zip(("running", "scheduled", "over"), ORDER, strict=True))


async def show_all_campaigns(call: ConsoleCall) -> Response:
    shown, package = call.text("show"), call.text("package")
    statuses = call.choice("show", GROUPS) or frozenset(CampaignStatus)
    after = call.cursor("after")
    rows = await service.list_all_campaigns(call.context, statuses, after=after or 0, limit=ROWS + 1, package=package)
    counts = dict(zip(GROUPS, await service.count_by_group(call.context, package), strict=True))
    return await call.page(
        "campaigns/all_campaigns.html",
        "Campaigns",
        found=Listing.after(
            rows, ROWS, after, cursor_of=lambda one: one.position, query={"show": shown, "package": package}
        ),
        filters=[
            ("", "All", None, not shown),
            *((name, name.capitalize(), counts[name], name == shown) for name in GROUPS),
        ],
        labels=labels,
        failure_percent=service.failure_percent,
        failing_percent=service.FAILING_PERCENT,
        max_counted=MAX_COUNTED,
    )


PAGES = (ConsolePage("GET", "/campaigns", show_all_campaigns),)
