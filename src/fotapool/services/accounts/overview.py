"""The overview of all accounts: what needs attention, key figures, the fullest accounts, and running campaigns."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import msgspec

from fotapool.core.timestamps import DAY_MS, MINUTE_MS
from fotapool.domain.accounts.usage import UsageStatus
from fotapool.domain.callbacks import ListenerStatus
from fotapool.domain.campaigns.campaigns import CampaignStatus
from fotapool.services.accounts.pool_history import AccountUsage, read_usage
from fotapool.services.callbacks.health import status_of
from fotapool.services.campaigns.all_campaigns import FAILING_PERCENT, LEAST_FINISHED, failure_percent
from fotapool.services.context import LAST_ID, Context
from fotapool.store.accounts.account_usage import UsageFilter, UsageSums, read_usage_page, read_usage_sums
from fotapool.store.accounts.alerts.alerts import Alert, AlertFilter, read_latest_alerts
from fotapool.store.callbacks.listener_health import (
    ListenerHealth,
    count_waiting,
    read_listeners_in_trouble,
    read_oldest_waiting,
)
from fotapool.store.campaigns import all_campaigns
from fotapool.store.campaigns.all_campaigns import ListedCampaign
from fotapool.store.db.connection import Connection
from fotapool.store.identity.sessions import read_locked_users

ACCOUNTS_SHOWN, CAMPAIGNS_SHOWN = 10, 8
MAX_OF_A_KIND = 5
"""Maximum number of issues of a kind that are listed one by one. The last one counts the others."""
MAX_READ = 100
LATE_MS = MINUTE_MS
"""Background jobs are late if a campaign's step has been due for longer."""


class Severity(enum.Enum):
    """How urgent an issue is, most urgent first."""

    CRITICAL = "critical"
    WARNING = "warning"


class IssueKind(enum.Enum):
    """What an issue is about, in the order of the list."""

    STORE_FULL = "storeFull"
    LISTENER_FAILING = "listenerFailing"
    ACCOUNTS_FULL = "accountsFull"
    ACCOUNTS_OVER_LIMIT = "accountsOverLimit"
    JOBS_LATE = "jobsLate"
    ACCOUNT_NEARLY_FULL = "accountNearlyFull"
    CAMPAIGN_FAILING = "campaignFailing"
    ALERT = "alert"
    USERS_LOCKED = "usersLocked"


CRITICAL = frozenset(
    {IssueKind.STORE_FULL, IssueKind.LISTENER_FAILING, IssueKind.ACCOUNTS_FULL, IssueKind.ACCOUNTS_OVER_LIMIT}
)


class Issue(msgspec.Struct, frozen=True):
    """Something that needs attention: a sentence, and further facts.

    `page` is the page of the console, below its base, that shows it and what to do. `account` and `target` (the
    listener's version, the campaign's id) say what it is about, if it is one thing.
    """

    kind: IssueKind
    title: str
    text: str
    page: str
    account: str = ""
    target: str = ""

    @property
    def severity(self) -> Severity:
        return Severity.CRITICAL if self.kind in CRITICAL else Severity.WARNING


class Overview(msgspec.Struct, frozen=True):
    """The state of the server. `waiting` callbacks are counted up to a limit; times in ms."""

    issues: Sequence[Issue]
    sums: UsageSums
    campaigns: int
    upgrading: int
    waiting: int
    oldest_callback_ms: int | None
    jobs_are_late: bool
    is_full: bool
    fullest: Sequence[AccountUsage]
    running: Sequence[ListedCampaign]


async def read_overview(context: Context) -> Overview:
    """The overview, at one state of the database."""
    return await context.reader.long(_read, context.clock.now_ms(), context.writer.is_full)


def _read(connection: Connection, now_ms: int, is_full: bool) -> Overview:
    today = now_ms // DAY_MS
    sums = read_usage_sums(connection, "", today)
    fullest = _page(connection, UsageFilter.ALL, now_ms, ACCOUNTS_SHOWN)
    trouble = [] if not sums.attention else _page(connection, UsageFilter.ATTENTION, now_ms, MAX_READ)
    jobs_are_late = all_campaigns.has_overdue(connection, now_ms - LATE_MS)
    issues = [
        *_server_issues(is_full, jobs_are_late),
        *_listener_issues(read_listeners_in_trouble(connection, MAX_READ), now_ms),
        *_account_issues(trouble, sums),
        *_campaign_issues(connection),
        *_alert_issues(_open_alerts(connection)),
        *_user_issues(read_locked_users(connection, MAX_READ)),
    ]
    kinds = list(IssueKind)
    return Overview(
        issues=sorted(issues, key=lambda issue: (issue.severity is Severity.WARNING, kinds.index(issue.kind))),
        sums=sums,
        campaigns=all_campaigns.count_campaigns(connection, [CampaignStatus.SCHEDULED]),
        upgrading=all_campaigns.count_upgrading(connection),
        waiting=count_waiting(connection),
        oldest_callback_ms=read_oldest_waiting(connection),
        jobs_are_late=jobs_are_late,
        is_full=is_full,
        fullest=[one for one in fullest if one.account.total],
        running=all_campaigns.read_all_campaigns(connection, [CampaignStatus.SCHEDULED], 0, CAMPAIGNS_SHOWN),
    )


def _page_of(account_name: str, *parts: str) -> str:
    return "/".join(["/accounts", quote(account_name, safe=""), *parts])


def _page(connection: Connection, wanted: UsageFilter, now_ms: int, limit: int) -> list[AccountUsage]:
    accounts = read_usage_page(
        connection,
        search="",
        wanted=wanted,
        order="usage",
        descending=True,
        today=now_ms // DAY_MS,
        offset=0,
        limit=limit,
    )
    return read_usage(connection, accounts, now_ms)


def _server_issues(is_full: bool, jobs_are_late: bool) -> Iterator[Issue]:
    if is_full:
        text = "Changes are refused until there is room again."
        yield Issue(IssueKind.STORE_FULL, "The database has no room", text, "/audit-log")
    if jobs_are_late:
        text = "A campaign's next step has been due for more than a minute."
        yield Issue(IssueKind.JOBS_LATE, "Background jobs are late", text, "/campaigns")


def _listener_issues(listeners: Sequence[ListenerHealth], now_ms: int) -> Iterator[Issue]:
    failing = [one for one in listeners if status_of(one, now_ms) is ListenerStatus.FAILING]
    for one in failing[:MAX_OF_A_KIND]:
        response = f"HTTP {one.status}" if one.status is not None else str(one.error)
        yield Issue(
            IssueKind.LISTENER_FAILING,
            f"Callbacks to {one.account_name} ({one.style}) are failing",
            f"Last response: {response}. {_counted(one.waiting, 'delivery waits', 'deliveries wait')}.",
            _page_of(one.account_name, "callbacks"),
            account=one.account_name,
            target=one.style,
        )
    if len(failing) > MAX_OF_A_KIND:
        others = len(failing) - MAX_OF_A_KIND
        yield Issue(IssueKind.LISTENER_FAILING, f"{_counted(others, 'further listener')} failing", "", "/callbacks")


def _account_issues(accounts: Sequence[AccountUsage], sums: UsageSums) -> Iterator[Issue]:
    """Full accounts in one line each kind; nearly full ones one by one, and then the others."""
    by_status: dict[UsageStatus, list[AccountUsage]] = {}
    for one in accounts:
        by_status.setdefault(one.status, []).append(one)
    for kind, status, count, words in (
        (IssueKind.ACCOUNTS_FULL, UsageStatus.FULL, sums.full - sums.over, ("has", "have", "no licenses left")),
        (IssueKind.ACCOUNTS_OVER_LIMIT, UsageStatus.OVER_LIMIT, sums.over, ("is", "are", "over the limit")),
    ):
        names = [one.account.name for one in by_status.get(status, ())]
        if count:
            singular, plural, rest = words
            title = f"{_counted(count, 'account')} {singular if count == 1 else plural} {rest}"
            account = names[0] if count == 1 and names else ""
            page = _page_of(account) if account else "/pools?show=full"
            yield Issue(kind, title, text=_names(names, count), page=page, account=account)
    near = by_status.get(UsageStatus.NEARLY_FULL, [])
    for one in near[:MAX_OF_A_KIND]:
        yield Issue(
            IssueKind.ACCOUNT_NEARLY_FULL,
            f"{one.account.name} is nearly full",
            f"{one.free:,} of {one.account.total:,} licenses are available.{_growth(one)}",
            page=_page_of(one.account.name),
            account=one.account.name,
        )
    others = sums.attention - sums.full - len(near[:MAX_OF_A_KIND])
    if others > 0:
        title = f"{_counted(others, 'further account is', 'further accounts are')} nearly full"
        yield Issue(IssueKind.ACCOUNT_NEARLY_FULL, title, "", "/pools?show=attention")


def _growth(usage: AccountUsage) -> str:
    expected = usage.forecast
    if expected.grown <= 0:
        return ""
    return f" {expected.grown:,} more were used in {_counted(expected.basis_days, 'day')}."


def _campaign_issues(connection: Connection) -> Iterator[Issue]:
    for one in all_campaigns.read_failing_campaigns(connection, FAILING_PERCENT, LEAST_FINISHED, MAX_OF_A_KIND):
        name = one.campaign.name or one.campaign.artifact.name
        yield Issue(
            IssueKind.CAMPAIGN_FAILING,
            f"{failure_percent(one) or 0:.1f}% of upgrades fail in {name}",
            f"{one.tally.failed:,} of {one.tally.finished:,} finished devices have failed.",
            _page_of(one.account_name, "campaigns", one.campaign.uuid),
            account=one.account_name,
            target=one.campaign.uuid,
        )


def _open_alerts(connection: Connection) -> Sequence[Alert]:
    found, _ = read_latest_alerts(
        connection, AlertFilter(is_open=True), before=LAST_ID, looked=MAX_READ, limit=MAX_READ
    )
    return found


def _alert_issues(alerts: Sequence[Alert]) -> Iterator[Issue]:
    """Open alerts that nobody has acknowledged."""
    new = [one for one in alerts if one.acknowledged_ms is None]
    for one in new[:MAX_OF_A_KIND]:
        about = f" for {one.account_name}" if one.account_name else ""
        title, text = f"Alert {one.rule_name}{about}", f"{one.text}."
        yield Issue(IssueKind.ALERT, title, text, page="/alerts", account=one.account_name)
    if len(new) > MAX_OF_A_KIND:
        others = len(new) - MAX_OF_A_KIND
        yield Issue(IssueKind.ALERT, _counted(others, "further open alert"), "", "/alerts")


def _user_issues(users: Sequence[str]) -> Iterator[Issue]:
    if users:
        count = f"{len(users):,}{'+' if len(users) == MAX_READ else ''}"
        users_are = "API user is" if len(users) == 1 else "API users are"
        title = f"{count} {users_are} locked after failed sign-ins"
        yield Issue(IssueKind.USERS_LOCKED, title, _names(users, len(users)), "/access")


def _names(names: Sequence[str], count: int) -> str:
    shown = ", ".join(names[:MAX_OF_A_KIND])
    others = count - min(len(names), MAX_OF_A_KIND)
    return f"{shown} and {others:,} more." if others > 0 else f"{shown}."


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
