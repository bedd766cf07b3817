"""The overview of all accounts: what needs attention, and the sums."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fotapool.domain.accounts.usage import UsageStatus
from fotapool.domain.records import from_attributes
from fotapool.operator_api.calls import OperatorCall, time_or_none
from fotapool.services.accounts import overview as service
from fotapool.services.accounts.overview import IssueKind, Severity
from fotapool.web.operations import Operation
from fotapool.web.pages import CONSOLE_BASE

SeverityText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [one.value for one in Severity]})]
KindText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [one.value for one in IssueKind]})]
StatusText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [one.value for one in UsageStatus]})]


class IssueView(msgspec.Struct):
    """Something that needs attention. `link` is its console page; `target` is the listener or the campaign's id."""

    severity: SeverityText
    kind: KindText
    title: str
    text: str
    account: str | None
    target: str | None
    link: str


class AccountSums(msgspec.Struct):
    """Numbers of accounts. `attention`: full, over the limit or nearly full. `full` includes those over the limit.

    `soon`: the licenses run out within 30 days, by the forecast.
    """

    accounts: int
    attention: int
    full: int
    over: int
    soon: int
    suspended: int


class LicenseSums(msgspec.Struct):
    """Licenses of all accounts."""

    total: int
    used: int
    free: int
    notice: int


class FullAccount(msgspec.Struct):
    """An account with the highest use. `runsOut` is forecast from the last 28 days; null if it does not grow."""

    account: str
    status: StatusText
    licenseCount: int
    licenseUsedCount: int
    free: int
    runsOut: str | None


class OverviewView(msgspec.Struct):
    """`issues` are the most severe first; `callbacksWaiting` is counted up to 10,001."""

    issues: list[IssueView]
    accounts: AccountSums
    licenses: LicenseSums
    campaignsRunning: int
    devicesUpgrading: int
    callbacksWaiting: int
    oldestCallback: str | None
    fullest: list[FullAccount]


async def read_overview(call: OperatorCall) -> OverviewView:
    """Read what needs attention, the sums of all accounts, and the fullest accounts."""
    found = await service.read_overview(call.context)
    return OverviewView(
        issues=[
            IssueView(
                severity=one.severity.value,
                kind=one.kind.value,
                title=one.title,
                text=one.text,
                account=one.account or None,
                target=one.target or None,
                link=CONSOLE_BASE + one.page,
            )
            for one in found.issues
        ],
        accounts=from_attributes(AccountSums, found.sums),
        licenses=from_attributes(LicenseSums, found.sums),
        campaignsRunning=found.campaigns,
        devicesUpgrading=found.upgrading,
        callbacksWaiting=found.waiting,
        oldestCallback=time_or_none(found.oldest_callback_ms),
        fullest=[
            FullAccount(
                account=one.account.name,
                status=one.status.value,
                licenseCount=one.account.total,
                licenseUsedCount=one.account.used,
                free=one.free,
                runsOut=time_or_none(one.forecast.runs_out_ms),
            )
            for one in found.fullest
        ],
    )


OPERATIONS = (Operation("GET", "/overview", read_overview),)
