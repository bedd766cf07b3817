"""Campaigns: their schedule, their states and transitions, and which changes are allowed when.

Sources: facts, section 6.5 (rules U1 to U19), from the vendor's pages on the life cycle of campaigns in the three
versions of the API. Each version has its own flow: a push to the device on a date, a pull by the device within a range
of dates, and a push that checks the device's network status first.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from fotapool.core.timestamps import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, date_ms, date_of
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.packages import PackageTraits

CHECK_AFTER_MS = 5 * SECOND_MS
"""Delay between a campaign's acceptance and the check of its parameters and devices."""
ON_DEMAND_MS = HOUR_MS
"""When a push of today begins: "within about 90 minutes" (rule U12)."""
NETWORK_CHECK_MS = MINUTE_MS
"""Duration of the network check, which follows the device check or begins a day before the start (U14; our choice)."""
PRESCHEDULE_AHEAD_MS = DAY_MS
GRACE_MS = DAY_MS
"""Time after a campaign's end within which a device in progress may still report its result (our choice)."""
NEW_END_AHEAD_MS = DAY_MS
"""Minimum time from now to the new end of a running campaign (rule U9)."""
DEFAULT_DAYS = {"LWM2M": 3, "OMADM": 30, "HTTP": 7}
"""Duration in days of a campaign without an end date (rules U12, U13; 30 stands for "without limit")."""
MAX_CAMPAIGN_DAYS = 366
MAX_START_AHEAD_DAYS = 5 * 366
MAX_WINDOWS = 24
MAX_NAME = 200
HISTORY_MS = 184 * DAY_MS
"""How far back reports go: six months (rule U16)."""
SCAN_START = -1
"""The cursor with which a pass over a campaign's devices begins: less than every IMEI."""


class Flow(enum.IntEnum):
    """How a campaign reaches its devices. Stored as a number: never renumber."""

    PUSH = 1
    PULL = 2
    NETWORK_AWARE = 3

    @property
    def word(self) -> str:
        """The delivery method's name in the operator API."""
        return {Flow.PUSH: "push", Flow.PULL: "pull", Flow.NETWORK_AWARE: "networkAwarePush"}[self]


class CampaignStatus(enum.IntEnum):
    """Stored as a number: never renumber."""

    PENDING = 1
    REJECTED = 2
    QUEUED = 3
    PRESCHEDULED = 4
    SCHEDULED = 5
    ENDED = 6
    CANCELED = 7
    ABORTED = 8
    FAILED = 9
    """The campaign was queued, and had no open upgrade left at its start."""

    @property
    def word(self) -> str:
        """The state's name in the operator API and in the console's addresses."""
        return "running" if self is CampaignStatus.SCHEDULED else self.name.lower()


NOT_STARTED = frozenset({CampaignStatus.PENDING, CampaignStatus.QUEUED, CampaignStatus.PRESCHEDULED})
RUNNING = NOT_STARTED | {CampaignStatus.SCHEDULED}
CHECKED = RUNNING - {CampaignStatus.PENDING}
CHANGEABLE = frozenset({CampaignStatus.PENDING, CampaignStatus.QUEUED})
"""States in which devices may be added and removed (rules U4, U8)."""

Hours = tuple[tuple[int, int], ...]
"""Time windows as (first hour, end hour exclusive): 0 to 23 and 1 to 24, in UTC."""


@dataclass(frozen=True, slots=True)
class Windows:
    """When devices may download and install. A campaign of v3 has download windows only."""

    download: Hours = ()
    install: Hours = ()
    download_after: str = ""
    """Earliest date of downloads, as YYYY-MM-DD; empty: as soon as possible."""
    install_after: str = ""


@dataclass(frozen=True, slots=True)
class Artifact(PackageTraits):
    """What a campaign installs: a package of firmware or software, or a configuration file."""

    id: int
    is_file: bool
    pilot_passed: bool
    """Whether campaigns of it may have any number of devices (rule U10)."""

    @property
    def key(self) -> tuple[bool, int]:
        """Unique among all packages and files."""
        return self.is_file, self.id


@dataclass(slots=True)
class Campaign:
    """A campaign's row with its artifact. Times in ms, dates as YYYY-MM-DD in UTC."""

    id: int
    uuid: str
    account_id: int
    flow: Flow
    artifact: Artifact
    name: str
    start_date: str
    end_date: str
    start_ms: int
    end_ms: int
    windows: Windows
    auto_assign: bool
    auto_add: bool
    status: CampaignStatus
    devices: int
    scan_cursor: int | None
    """The last IMEI handled by the pass over its devices, or None if no pass is under way."""
    enroll_cursor: int | None
    """The last IMEI handled by the search for devices to add (autoAddDevicesFlag), or None."""
    created_ms: int
    updated_ms: int
    ended_ms: int | None
    due_ms: int | None
    """When its next step is due, or None."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The period in which a campaign runs."""

    start_date: str
    end_date: str
    start_ms: int
    end_ms: int


def _parse_day(text: str, code: ErrorCode) -> date:
    try:
        if len(text) != 10 or text[4] + text[7] != "--":  # rejects the other forms of ISO 8601, as 2026-W11-3
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError as error:
        raise RequestRejected(code, text[:40]) from error


def plan(flow: Flow, protocol: str, start_date: str, end_date: str | None, now_ms: int) -> Plan:
    """The period of a campaign accepted now (rules U12 to U14).

    Raises RequestRejected: START_DATE_INVALID for a start that is malformed, past or more than MAX_START_AHEAD_DAYS
    ahead; END_DATE_INVALID for an end that is malformed, before the start or more than MAX_CAMPAIGN_DAYS after it.
    """
    today = date_of(now_ms)
    first = _parse_day(start_date, ErrorCode.START_DATE_INVALID)
    if not today <= first <= today + timedelta(days=MAX_START_AHEAD_DAYS):
        raise RequestRejected(ErrorCode.START_DATE_INVALID, start_date)
    last = first + timedelta(days=DEFAULT_DAYS.get(protocol, 7))
    if end_date is not None:
        last = _parse_day(end_date, ErrorCode.END_DATE_INVALID)
    if not first <= last <= first + timedelta(days=MAX_CAMPAIGN_DAYS):
        raise RequestRejected(ErrorCode.END_DATE_INVALID, end_date or "")
    end_ms = date_ms(last) + DAY_MS
    start_ms = date_ms(first)
    if first == today:
        # Shortly before the end, a push begins halfway to it, so that the start is always within the period.
        start_ms = min(now_ms + ON_DEMAND_MS, (now_ms + end_ms) // 2) if flow is Flow.PUSH else now_ms
    return Plan(first.isoformat(), last.isoformat(), start_ms, end_ms)


def change_plan(campaign: Campaign, start_date: str, end_date: str, now_ms: int) -> Plan:
    """The period after a change of dates (rule U9). Before the start both dates may change, afterwards only the end.

    Raises RequestRejected: DATES_FIXED, START_DATE_INVALID or END_DATE_INVALID.
    """
    if campaign.status not in RUNNING:
        raise RequestRejected(ErrorCode.DATES_FIXED)
    if campaign.status in NOT_STARTED:
        due = start_date == campaign.start_date and campaign.start_ms < now_ms
        planned = plan(
            flow=campaign.flow,
            protocol=campaign.artifact.protocol,
            start_date=date_of(now_ms).isoformat() if due else start_date,
            end_date=end_date,
            now_ms=now_ms,
        )
        return Plan(start_date, planned.end_date, campaign.start_ms, planned.end_ms) if due else planned
    if _parse_day(start_date, ErrorCode.START_DATE_INVALID).isoformat() != campaign.start_date:
        raise RequestRejected(ErrorCode.DATES_FIXED)
    last = _parse_day(end_date, ErrorCode.END_DATE_INVALID)
    end_ms = date_ms(last) + DAY_MS
    unchanged = last.isoformat() == campaign.end_date
    too_long = last > date_of(campaign.start_ms) + timedelta(days=MAX_CAMPAIGN_DAYS)
    if (end_ms < now_ms + NEW_END_AHEAD_MS and not unchanged) or too_long:
        raise RequestRejected(ErrorCode.END_DATE_INVALID, end_date)
    return Plan(campaign.start_date, last.isoformat(), campaign.start_ms, end_ms)


def check_hours(hours: Iterable[tuple[int, int]]) -> Hours:
    """Raises RequestRejected(WINDOW_INVALID) unless each window is within 0 to 24 and ends after it begins."""
    found = tuple(hours)
    if len(found) > MAX_WINDOWS or any(not (0 <= first <= 23 and first < end <= 24) for first, end in found):
        raise RequestRejected(ErrorCode.WINDOW_INVALID)
    return found


def check_windows(windows: Windows, planned: Plan) -> None:
    """Raises RequestRejected(WINDOW_INVALID) for a date after the campaign's end, or installs before downloads."""
    for text in (windows.download_after, windows.install_after):
        if text and _parse_day(text, ErrorCode.WINDOW_INVALID).isoformat() > planned.end_date:
            raise RequestRejected(ErrorCode.WINDOW_INVALID, text)
    if windows.install_after and windows.install_after < windows.download_after:
        raise RequestRejected(ErrorCode.WINDOW_INVALID, windows.install_after)


def changed_windows(campaign: Campaign, wanted: Windows | None) -> Windows:
    """The windows after a change of dates; None leaves them unchanged. Raises RequestRejected(DATES_FIXED).

    After the start, windows are fixed (rule U9), but a pull campaign may add some (page on changing a campaign's dates
    and time windows, v2).
    """
    if wanted is None or wanted == campaign.windows or campaign.status in NOT_STARTED:
        return wanted or campaign.windows
    had = campaign.windows
    adds = set(had.download) <= set(wanted.download) and set(had.install) <= set(wanted.install)
    dates = (wanted.download_after, wanted.install_after) == (had.download_after, had.install_after)
    if campaign.flow is not Flow.PULL or not adds or not dates:
        raise RequestRejected(ErrorCode.DATES_FIXED)
    return wanted


def next_open_ms(hours: Hours, not_before: str, timestamp_ms: int) -> int:
    """The first timestamp (ms) from `timestamp_ms` on that is within a window and not before the date `not_before`."""
    if not_before:
        timestamp_ms = max(timestamp_ms, date_ms(date.fromisoformat(not_before)))
    if not hours:
        return timestamp_ms
    midnight_ms = timestamp_ms - timestamp_ms % DAY_MS
    openings = [
        max(timestamp_ms, midnight_ms + day * DAY_MS + first * HOUR_MS)
        for day in (0, 1)
        for first, end in hours
        if midnight_ms + day * DAY_MS + end * HOUR_MS > timestamp_ms
    ]
    return min(openings)


def may_download(campaign: Campaign, now_ms: int) -> bool:
    """Whether a device of the campaign may start its download now."""
    return (
        campaign.status is CampaignStatus.SCHEDULED
        and campaign.start_ms <= now_ms < campaign.end_ms
        and next_open_ms(campaign.windows.download, campaign.windows.download_after, now_ms) == now_ms
    )


def may_install(campaign: Campaign, now_ms: int) -> bool:
    """Whether a device may install what it downloaded; allowed after the campaign's end too."""
    return next_open_ms(campaign.windows.install, campaign.windows.install_after, now_ms) == now_ms


def decide_cancel(campaign: Campaign, may_abort: bool, now_ms: int) -> CampaignStatus:
    """The state after the campaign is deleted (rules U4, U6, U7). Raises RequestRejected(CAMPAIGN_STARTED)."""
    if campaign.status in NOT_STARTED and (campaign.start_ms > now_ms or not may_abort):
        # After its start time too: while its status says that it has not started, no device has received anything.
        return CampaignStatus.CANCELED
    if campaign.status in RUNNING and may_abort:
        return CampaignStatus.ABORTED
    raise RequestRejected(ErrorCode.CAMPAIGN_STARTED)


def after_check(campaign: Campaign, now_ms: int) -> tuple[CampaignStatus, int]:
    """The state after a check that accepted devices, and when its next step is due (ms).

    A pull campaign whose period has begun is scheduled at once (rule U5).
    """
    if campaign.flow is Flow.PULL and campaign.start_ms <= now_ms:
        return CampaignStatus.SCHEDULED, now_ms
    return CampaignStatus.QUEUED, queued_until_ms(campaign, now_ms)


def queued_until_ms(campaign: Campaign, now_ms: int) -> int:
    """When the next step of a queued campaign is due (ms)."""
    if campaign.flow is Flow.NETWORK_AWARE:
        return max(now_ms + NETWORK_CHECK_MS, campaign.start_ms - PRESCHEDULE_AHEAD_MS)
    return max(now_ms, campaign.start_ms)


def ending(campaign: Campaign, removed_by_user: bool) -> CampaignStatus:
    """The final state of a campaign without open upgrades: it ran, was emptied by the user, or could not start."""
    if campaign.status is CampaignStatus.SCHEDULED:
        return CampaignStatus.ENDED
    return CampaignStatus.CANCELED if removed_by_user else CampaignStatus.FAILED


def change_status(campaign: Campaign, status: CampaignStatus, now_ms: int) -> None:
    """Sets the status; a final one also sets the end and clears the cursors and the due time."""
    campaign.status = status
    campaign.updated_ms = now_ms
    if status not in RUNNING:
        campaign.ended_ms = now_ms
        campaign.scan_cursor = campaign.enroll_cursor = campaign.due_ms = None


def enrolls_version(campaign: Campaign, versions: Collection[str]) -> bool:
    """Whether the campaign adds devices that now have one of these firmware versions (autoAddDevicesFlag)."""
    artifact = campaign.artifact
    return (
        campaign.auto_add and not artifact.is_file and artifact.from_version in versions and campaign.status in CHECKED
    )


def ends_without_upgrades(campaign: Campaign, now_ms: int) -> bool:
    """Whether the campaign ends once it has no open upgrade: it was checked, and awaits no further devices."""
    awaits_devices = campaign.auto_add and (campaign.end_ms > now_ms or campaign.enroll_cursor is not None)
    return campaign.status in CHECKED and campaign.scan_cursor is None and not awaits_devices


def next_step_ms(campaign: Campaign, in_progress: bool, next_upgrade_ms: int | None, now_ms: int) -> int | None:
    """When the campaign's next step is due (ms), or None if it has none.

    `in_progress`: whether a device has begun and not reported its result; `next_upgrade_ms`: when the next simulated
    device acts, or None.
    """
    if campaign.status in NOT_STARTED:
        joins = campaign.enroll_cursor is not None and campaign.status is not CampaignStatus.PENDING
        return now_ms if joins else campaign.due_ms
    if campaign.scan_cursor is not None or campaign.enroll_cursor is not None:
        return now_ms
    if campaign.status is CampaignStatus.SCHEDULED:
        latest_ms = campaign.end_ms
    elif in_progress:
        latest_ms = max(campaign.end_ms, campaign.ended_ms or 0) + GRACE_MS
    else:
        return None
    return latest_ms if next_upgrade_ms is None else min(latest_ms, next_upgrade_ms)
