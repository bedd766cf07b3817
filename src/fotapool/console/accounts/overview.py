"""The overview: what needs attention, key figures, the fullest accounts, running campaigns, recent changes."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.accounts.usage_labels import runs_out_label
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.campaigns.labels import campaign_name
from fotapool.services.accounts import overview as service
from fotapool.services.accounts.overview import IssueKind, Severity
from fotapool.services.audit_log.entries import list_entries
from fotapool.store.audit_log import AuditFilter

CHANGES = 6
ACTIONS = {
    IssueKind.STORE_FULL: "View changes",
    IssueKind.LISTENER_FAILING: "View callbacks",
    IssueKind.ACCOUNTS_FULL: "View accounts",
    IssueKind.ACCOUNTS_OVER_LIMIT: "View accounts",
    IssueKind.JOBS_LATE: "View campaigns",
    IssueKind.ACCOUNT_NEARLY_FULL: "View account",
    IssueKind.CAMPAIGN_FAILING: "View campaign",
    IssueKind.ALERT: "View alerts",
    IssueKind.USERS_LOCKED: "View users",
}
SEVERITIES = {Severity.CRITICAL: ("Critical", "bad"), Severity.WARNING: ("Warning", "warn")}


async def show_overview(call: ConsoleCall) -> Response:
    found = await service.read_overview(call.context)
    changes, _ = await list_entries(call.context, AuditFilter(refused=False), None, CHANGES)
    return await call.page(
        "overview/overview.html",
        "Overview",
        found=found,
        changes=changes,
        actions=ACTIONS,
        severities=SEVERITIES,
        failing=any(one.kind is IssueKind.LISTENER_FAILING for one in found.issues),
        runs_out_label=runs_out_label,
        campaign_name=campaign_name,
    )


PAGES = (ConsolePage("GET", "/overview", show_overview),)
