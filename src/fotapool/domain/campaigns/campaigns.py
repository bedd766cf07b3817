"""Campaigns: how they are scheduled, which state follows which and when, and what may be changed when.

Sources: facts, section 6.5 (rules U1 to U19), from the vendor's pages on the life cycle of campaigns in the three
versions of the API. The versions differ in the flow of their campaigns: a push to the device on a date, a pull by the
device within a range of dates, and a push that looks first at what the network knows of the device.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from fotapool.core.timestamps import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, date_ms, date_of
from fotapool.domain.errors import ErrorCode, RequestRejected

CHECK_AFTER_MS = 5 * SECOND_MS
"""How long after its acceptance a campaign's parameters and devices are checked."""
ON_DEMAND_MS = HOUR_MS
"""When a push of today begins: "within about 90 minutes" (rule U12)."""
NETWORK_CHECK_MS = MINUTE_MS
"""How long the look at the network takes, after the check or a day before the start (rule U14; our choice)."""
PRESCHEDULE_AHEAD_MS = DAY_MS
GRACE_MS = DAY_MS
"""How long after a campaign's end a device that has begun may report how it ended (our choice)."""
NEW_END_AHEAD_MS = DAY_MS
"""A running campaign's end may be moved to no earlier than this from now (rule U9)."""
DEFAULT_DAYS = {"LWM2M": 3, "OMADM": 30, "HTTP": 7}
"""How many days a campaign runs that was given no end date (rules U12, U13; 30: "without limit" needs one)."""
MAX_CAMPAIGN_DAYS = 366
MAX_START_AHEAD_DAYS = 5 * 366
MAX_WINDOWS = 24
MAX_NAME = 200
HISTORY_MS = 184 * DAY_MS
"""How far back reports go: six months (rule U16)."""
SCAN_START = -1
"""The IMEI after which a pass over a campaign's devices begins."""


class Flow(enum.IntEnum):
    """How a campaign reaches its devices. Stored as a number: never renumber."""

    PUSH = 1
    PULL = 2
    NETWORK_AWARE = 3


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
    """Queued, and on its start no device was left that it could have upgraded."""


NOT_STARTED = frozenset({CampaignStatus.PENDING, CampaignStatus.QUEUED, CampaignStatus.PRESCHEDULED})
RUNNING = NOT_STARTED | {CampaignStatus.SCHEDULED}
CHANGEABLE = frozenset({CampaignStatus.PENDING, CampaignStatus.QUEUED})
"""Where devices may be added and removed (rules U4, U8)."""

Hours = tuple[tuple[int, int], ...]
"""Time windows: (first hour, hour before which it ends), 0 to 23 and 1 to 24, in UTC."""


@dataclass(frozen=True, slots=True)
class Windows:
    """When devices may download and install. A campaign of v3 has one list, for when devices may begin."""

    download: Hours = ()
    install: Hours = ()
    download_after: str = ""
    """A date as YYYY-MM-DD before which nothing is downloaded; empty: as soon as possible."""
    install_after: str = ""


@dataclass(frozen=True, slots=True)
class Artifact:
    """What a campaign installs: a package of firmware or software, or a configuration file."""

    id: int
    is_file: bool
    name: str
    make: str
    model: str
    from_version: str
    to_version: str
    protocol: str
    pilot_passed: bool
    """Whether the pilot rule is lifted (rule U10)."""

    @property
    def key(self) -> tuple[bool, int]:
        """Tells it from all other packages and files."""
        return self.is_file, self.id


@dataclass(slots=True)
class Campaign:
    """A campaign's row with its subject. Times in ms, dates as YYYY-MM-DD in UTC."""

    id: int
    uuid: str
    account_id: int
    flow: Flow
    subject: Artifact
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
    """Where a pass over its devices has got to, or None while there is none."""
    enroll_cursor: int | None
    """Where the search for further devices has got to, or None while there is none (autoAddDevicesFlag)."""
    created_ms: int
    updated_ms: int
    ended_ms: int | None
    due_ms: int | None
    """When the engine next has something to do about it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """When a campaign runs."""

    start_date: str
    end_date: str
    start_ms: int
    end_ms: int


def _parse_day(text: str, refusal: ErrorCode) -> date:
    try:
        if len(text) != 10 or text[4] + text[7] != "--":  # not one of ISO's other forms, as 2026-W11-3
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError as error:
        raise RequestRejected(refusal, text[:40]) from error


def plan(flow: Flow, protocol: str, start_date: str, end_date: str | None, now_ms: int) -> Plan:
    """When a campaign accepted now runs (rules U12 to U14).

    Raises RequestRejected(START_DATE_INVALID) for a malformed or past start, or one more than MAX_START_AHEAD_DAYS
    ahead, and
    RequestRejected(END_DATE_INVALID) for a malformed end, one before the start or more than MAX_CAMPAIGN_DAYS after it.
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
        # Late in the evening a push begins halfway to the end, so that it always lies in its range.
        start_ms = min(now_ms + ON_DEMAND_MS, (now_ms + end_ms) // 2) if flow is Flow.PUSH else now_ms
    return Plan(first.isoformat(), last.isoformat(), start_ms, end_ms)


def change_plan(campaign: Campaign, start_date: str, end_date: str, now_ms: int) -> Plan:
    """When the campaign runs after its dates are changed (rule U9): before its start all may change, then only the end.

    Raises RequestRejected: DATES_FIXED, START_DATE_INVALID or END_DATE_INVALID.
    """
    if campaign.status not in RUNNING:
        raise RequestRejected(ErrorCode.DATES_FIXED)
    if campaign.status in NOT_STARTED:
        if start_date == campaign.start_date and campaign.start_ms < now_ms:
            kept = plan(
                flow=campaign.flow,
                protocol=campaign.subject.protocol,
                start_date=date_of(now_ms).isoformat(),
                end_date=end_date,
                now_ms=now_ms,
            )
            return Plan(start_date, kept.end_date, campaign.start_ms, kept.end_ms)
        return plan(
            flow=campaign.flow,
            protocol=campaign.subject.protocol,
            start_date=start_date,
            end_date=end_date,
            now_ms=now_ms,
        )
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
    """Raises RequestRejected(WINDOW_INVALID) unless each window lies within 0 to 24 and ends after it begins."""
    found = tuple(hours)
    if len(found) > MAX_WINDOWS or any(not (0 <= first <= 23 and first < end <= 24) for first, end in found):
        raise RequestRejected(ErrorCode.WINDOW_INVALID)
    return found


def check_windows(windows: Windows, planned: Plan) -> None:
    """Raises RequestRejected(WINDOW_INVALID) for a date after the campaign's end, or an installation before any
    download.
    """
    for text in (windows.download_after, windows.install_after):
        if text and _parse_day(text, ErrorCode.WINDOW_INVALID).isoformat() > planned.end_date:
            raise RequestRejected(ErrorCode.WINDOW_INVALID, text)
    if windows.install_after and windows.install_after < windows.download_after:
        raise RequestRejected(ErrorCode.WINDOW_INVALID, windows.install_after)


def changed_windows(campaign: Campaign, wanted: Windows | None) -> Windows:
    """The windows after a change of dates; None leaves them. Raises RequestRejected: DATES_FIXED or WINDOW_INVALID.

    Once a campaign has started its windows stay as they are (rule U9); only those of a pull may still be added to
    (page on changing a campaign's dates and time windows, v2).
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
    """The first moment from `timestamp_ms` on that lies in a window, and not before the date if there is one."""
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
    """Whether a device of the campaign may begin now."""
    return (
        campaign.status is CampaignStatus.SCHEDULED
        and campaign.start_ms <= now_ms < campaign.end_ms
        and next_open_ms(campaign.windows.download, campaign.windows.download_after, now_ms) == now_ms
    )


def may_install(campaign: Campaign, now_ms: int) -> bool:
    """Whether a device that has downloaded may install now; a campaign's end does not stop it."""
    return next_open_ms(campaign.windows.install, campaign.windows.install_after, now_ms) == now_ms


def decide_cancel(campaign: Campaign, may_abort: bool, now_ms: int) -> CampaignStatus:
    """What deleting the campaign makes of it (rules U4, U6, U7). Raises RequestRejected(CAMPAIGN_STARTED)."""
    if campaign.status in NOT_STARTED and campaign.start_ms > now_ms:
        return CampaignStatus.CANCELED
    if campaign.status in NOT_STARTED and not may_abort:
        # Its date has come, but the engine has not begun: nothing has been sent to any device.
        return CampaignStatus.CANCELED
    if campaign.status in RUNNING and may_abort:
        return CampaignStatus.ABORTED
    raise RequestRejected(ErrorCode.CAMPAIGN_STARTED)


def after_check(campaign: Campaign, now_ms: int) -> tuple[CampaignStatus, int]:
    """The state after a check that accepted devices, and when it is looked at next.

    A pull whose range has begun skips being queued (rule U5).
    """
    if campaign.flow is Flow.PULL and campaign.start_ms <= now_ms:
        return CampaignStatus.SCHEDULED, now_ms
    return CampaignStatus.QUEUED, queued_until_ms(campaign, now_ms)


def queued_until_ms(campaign: Campaign, now_ms: int) -> int:
    """When a queued campaign goes on."""
    if campaign.flow is Flow.NETWORK_AWARE:
        return max(now_ms + NETWORK_CHECK_MS, campaign.start_ms - PRESCHEDULE_AHEAD_MS)
    return max(now_ms, campaign.start_ms)


def ending(campaign: Campaign, removed_by_user: bool) -> CampaignStatus:
    """What a campaign becomes that has no open upgrade left: it has run, was emptied, or could not run."""
    if campaign.status is CampaignStatus.SCHEDULED:
        return CampaignStatus.ENDED
    return CampaignStatus.CANCELED if removed_by_user else CampaignStatus.FAILED
