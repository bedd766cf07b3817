"""Simulated devices: their check-ins and the results of their upgrades, as functions of seed, IMEI and time.

Nothing is random: a seed always gives the same fleet, independent of the order of events.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from fotapool.core.timestamps import DAY_MS, HOUR_MS, MINUTE_MS
from fotapool.domain.campaigns.campaigns import Campaign, Flow, next_open_ms
from fotapool.domain.campaigns.upgrades import Reason

MAX_FLEETS = 100
"""Maximum number of fleets of an account."""
MAX_CHECK_INS_EXAMINED = 20_000
"""Maximum number of check-ins examined to find one outside the offline windows."""
RETRY_HOUR = 4
"""A push that did not reach an LWM2M device is retried at 04:00 UTC (rule U12)."""
QUEUE_HOURS = 4
"""A push that did not reach an OMA-DM device is retried after this time (rule U12)."""
PUSH_SPREAD_MINUTES = 30
"""A push is spread over this time, so that not all devices download at once (our choice)."""


@dataclass(frozen=True, slots=True)
class OfflineWindow:
    """Hours of each day (UTC) in which a share of the devices, 0 to 1, is offline."""

    first_hour: int
    end_hour: int
    share: float


@dataclass(frozen=True, slots=True)
class Behavior:
    """The behavior of a fleet's devices; failures as shares from 0 to 1."""

    seed: int = 0
    check_in_every_ms: int = HOUR_MS
    upgrade_takes_ms: int = 10 * MINUTE_MS
    fail_at_download: float = 0.0
    fail_at_verify: float = 0.0
    fail_at_install: float = 0.0
    offline: tuple[OfflineWindow, ...] = ()


@dataclass(frozen=True, slots=True)
class Fleet:
    """Simulated devices with consecutive IMEIs, first and last included."""

    first_imei: int
    last_imei: int
    behavior: Behavior


def behavior_of(fleets: list[Fleet], imei: int) -> Behavior | None:
    """The behavior of a simulated device; None for a real one."""
    return next((fleet.behavior for fleet in fleets if fleet.first_imei <= imei <= fleet.last_imei), None)


def _share(behavior: Behavior, imei: int, topic: str) -> float:
    """A pseudo-random number from 0 (included) to 1 (excluded), determined by the arguments."""
    digest = blake2b(f"{behavior.seed}/{imei}/{topic}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def is_reachable(behavior: Behavior, imei: int, timestamp_ms: int) -> bool:
    """Whether the device is online at the timestamp."""
    hour = timestamp_ms % DAY_MS // HOUR_MS
    for number, window in enumerate(behavior.offline):
        wraps = window.first_hour > window.end_hour
        inside = (
            hour >= window.first_hour or hour < window.end_hour
            if wraps
            else window.first_hour <= hour < window.end_hour
        )
        if inside and _share(behavior, imei, f"offline{number}") < window.share:
            return False
    return True


def _phase_ms(behavior: Behavior, imei: int) -> int:
    slots = behavior.check_in_every_ms // MINUTE_MS
    return int(_share(behavior, imei, "phase") * slots) * MINUTE_MS


def next_check_in_ms(behavior: Behavior, imei: int, from_ms: int, tries: int = MAX_CHECK_INS_EXAMINED) -> int | None:
    """The device's first check-in (ms) at or after `from_ms`, or None if the next `tries` ones are all offline."""
    every_ms = behavior.check_in_every_ms
    first_ms = from_ms + (_phase_ms(behavior, imei) - from_ms) % every_ms
    return _first_online_ms(behavior, imei, range(first_ms, first_ms + tries * every_ms, every_ms))


def last_check_in_ms(behavior: Behavior, imei: int, until_ms: int, tries: int = MAX_CHECK_INS_EXAMINED) -> int | None:
    """The device's last check-in (ms) at or before `until_ms`, or None if the last `tries` ones are all offline."""
    every_ms = behavior.check_in_every_ms
    last_ms = until_ms - (until_ms - _phase_ms(behavior, imei)) % every_ms
    return _first_online_ms(behavior, imei, range(last_ms, last_ms - tries * every_ms, -every_ms))


def _first_online_ms(behavior: Behavior, imei: int, check_ins_ms: Iterable[int]) -> int | None:
    return next((at_ms for at_ms in check_ins_ms if not behavior.offline or is_reachable(behavior, imei, at_ms)), None)


def past_check_ins_ms(behavior: Behavior, imei: int, since_ms: int, until_ms: int, limit: int) -> list[int]:
    """The device's last check-ins (ms) in the period, newest first, at most `limit`."""
    found: list[int] = []
    timestamp_ms = last_check_in_ms(behavior, imei, until_ms)
    while timestamp_ms is not None and timestamp_ms >= since_ms and len(found) < limit:
        found.append(timestamp_ms)
        timestamp_ms = last_check_in_ms(behavior, imei, timestamp_ms - 1)
    return found


def first_attempt_ms(campaign: Campaign, behavior: Behavior, imei: int, from_ms: int) -> int | None:
    """The first attempt (ms) at or after `from_ms`, or None if it is not before the campaign's end.

    A push happens shortly after the start, a pull at the device's check-in within the download windows, and a
    network-aware push as soon as the device is online within the campaign's windows.
    """
    if campaign.flow is Flow.PUSH:
        timestamp_ms: int | None = from_ms + int(_share(behavior, imei, "push") * PUSH_SPREAD_MINUTES) * MINUTE_MS
    else:
        timestamp_ms = _next_in_window(campaign, behavior, imei, from_ms)
    return timestamp_ms if timestamp_ms is not None and timestamp_ms < campaign.end_ms else None


def _next_in_window(campaign: Campaign, behavior: Behavior, imei: int, from_ms: int) -> int | None:
    """The first check-in within a download window."""
    windows = campaign.windows
    timestamp_ms: int | None = from_ms
    while timestamp_ms is not None and timestamp_ms < campaign.end_ms:
        check_in_ms = next_check_in_ms(behavior, imei, timestamp_ms)
        if check_in_ms is None:
            return None
        open_ms = next_open_ms(windows.download, windows.download_after, check_in_ms)
        if open_ms == check_in_ms:
            return check_in_ms
        timestamp_ms = open_ms
    return None


def retry_ms(campaign: Campaign, behavior: Behavior, imei: int, failed_ms: int) -> int | None:
    """The retry (ms) for a device that was offline, or None if it is not before the campaign's end (rule U12)."""
    if campaign.flow is not Flow.PUSH:
        return first_attempt_ms(campaign, behavior, imei, failed_ms + MINUTE_MS)
    if campaign.artifact.protocol == "LWM2M":
        today_ms = failed_ms - failed_ms % DAY_MS + RETRY_HOUR * HOUR_MS
        timestamp_ms = today_ms if today_ms > failed_ms else today_ms + DAY_MS
    else:
        timestamp_ms = failed_ms + QUEUE_HOURS * HOUR_MS
    return timestamp_ms if timestamp_ms < campaign.end_ms else None


def outcome(behavior: Behavior, imei: int, artifact: str, attempt: int) -> Reason:
    """The result of the device's upgrade to the package or file."""
    share = _share(behavior, imei, f"outcome/{artifact}/{attempt}")
    for reason, failing in (
        (Reason.DOWNLOAD_FAILED, behavior.fail_at_download),
        (Reason.VERIFY_FAILED, behavior.fail_at_verify),
        (Reason.INSTALL_FAILED, behavior.fail_at_install),
    ):
        if share < failing:
            return reason
        share -= failing
    return Reason.SUCCEEDED


def finish_ms(campaign: Campaign, behavior: Behavior, imei: int, started_ms: int) -> int:
    """When the device reports its result (ms): after the download, and within the install windows."""
    minutes = max(1, behavior.upgrade_takes_ms // MINUTE_MS)
    takes_ms = (minutes + int(_share(behavior, imei, "takes") * minutes)) * MINUTE_MS
    windows = campaign.windows
    return next_open_ms(windows.install, windows.install_after, started_ms + takes_ms)
