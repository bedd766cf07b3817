"""The upgrade of a device as the device sees it, and the device's reports of its progress."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from fotapool.core.logs.events import Log, LogEvent
from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus, may_download, may_install, next_open_ms
from fotapool.domain.campaigns.upgrades import (
    OPEN,
    Reason,
    ReportedFailure,
    ReportedStep,
    Upgrade,
    UpgradeChange,
    UpgradeStatus,
    decide_report,
)
from fotapool.domain.errors import NotFound
from fotapool.domain.records import from_attributes
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.services.packages.contents import is_content_lost
from fotapool.store.campaigns.campaigns import read_campaign_by_id
from fotapool.store.campaigns.upgrade_changes import UpgradeChangeSet
from fotapool.store.campaigns.upgrades import (
    OPERATOR_CAMPAIGN,
    read_open_upgrade,
    read_open_upgrades,
    read_upgrade,
    record_failure_message,
)
from fotapool.store.db.connection import Connection, Key
from fotapool.store.packages.artifacts import ArtifactContent, read_content

log = Log(__name__)

_HAS_CONTENT = (Reason.DOWNLOADED, Reason.INSTALLING)
"""Reported by devices that have the content, and go on without the server's."""


class DeviceUpgrade(msgspec.Struct, frozen=True):
    """An upgrade as its device sees it."""

    id: int
    campaign: Campaign
    status: UpgradeStatus
    reason: int
    content: ArtifactContent
    download_allowed: bool
    install_allowed: bool
    next_window_ms: int | None
    """When the next window opens (ms), if a closed one blocks the next step of the upgrade."""


def _view(connection: Connection, upgrade: Upgrade, now_ms: int) -> DeviceUpgrade | None:
    """The upgrade for its device; None for an upgrade outside of a campaign, which has no content."""
    campaign = read_campaign_by_id(connection, upgrade.campaign_id) if upgrade.campaign_id else None
    if campaign is None:
        return None
    status = UpgradeStatus(upgrade.status)
    running = status is UpgradeStatus.IN_PROGRESS
    windows = campaign.windows
    window_is_open = next_open_ms(windows.download, windows.download_after, now_ms) == now_ms
    download = status in OPEN and (may_download(campaign, now_ms) or (running and window_is_open))
    install = status in OPEN and may_install(campaign, now_ms) and (running or download)
    next_ms: int | None = None
    if status is UpgradeStatus.SCHEDULED and not download and not _waits_for_server(campaign, now_ms):
        next_ms = next_open_ms(windows.download, windows.download_after, max(now_ms, campaign.start_ms))
    elif running and not install:
        next_ms = next_open_ms(windows.install, windows.install_after, now_ms)
    return from_attributes(
        DeviceUpgrade,
        upgrade,
        campaign=campaign,
        status=status,
        content=read_content(connection, campaign.artifact),
        download_allowed=download,
        install_allowed=install,
        next_window_ms=next_ms,
    )


def _waits_for_server(campaign: Campaign, now_ms: int) -> bool:
    """Whether the campaign's period allows a start, but the server has not begun it yet, or has to end it."""
    return now_ms >= campaign.end_ms or (
        campaign.status is not CampaignStatus.SCHEDULED and campaign.start_ms <= now_ms
    )


def _has_begun(upgrade: Upgrade, campaign: Campaign, now_ms: int) -> bool:
    """Whether the device may know of the open upgrade: it is under way, or its campaign runs."""
    if upgrade.status == UpgradeStatus.IN_PROGRESS:
        return True
    return campaign.status is CampaignStatus.SCHEDULED and campaign.start_ms <= now_ms < campaign.end_ms


def _read_device_upgrade(connection: Connection, account_id: int, device: int, now_ms: int) -> DeviceUpgrade | None:
    upgrade = read_open_upgrade(connection, account_id, device)
    found = _view(connection, upgrade, now_ms) if upgrade else None
    if upgrade is None or found is None or not _has_begun(upgrade, found.campaign, now_ms):
        return None
    return found


class BegunUpgrade(NamedTuple):
    """An open upgrade of firmware or software whose campaign has begun, and the version that it installs."""

    upgrade: Upgrade
    to_version: str


def read_begun_upgrades(connection: Connection, devices: Sequence[Key], now_ms: int) -> dict[Key, BegunUpgrade]:
    """The begun upgrades of the devices; files are left out, as a device does not report their versions."""
    found: dict[Key, BegunUpgrade] = {}
    campaigns: dict[int, Campaign | None] = {OPERATOR_CAMPAIGN: None}
    for upgrade in read_open_upgrades(connection, devices):
        if upgrade.campaign_id not in campaigns:
            campaigns[upgrade.campaign_id] = read_campaign_by_id(connection, upgrade.campaign_id)
        campaign = campaigns[upgrade.campaign_id]
        if campaign is not None and not campaign.artifact.is_file and _has_begun(upgrade, campaign, now_ms):
            found[upgrade.account_id, upgrade.imei] = BegunUpgrade(upgrade, campaign.artifact.to_version)
    return found


def completed_by_check_in(upgrade: Upgrade) -> UpgradeChange:
    """The change of an upgrade whose device checks in with the new version."""
    attempts = int(upgrade.status == UpgradeStatus.SCHEDULED)
    return UpgradeChange(upgrade, UpgradeStatus.COMPLETED, Reason.SUCCEEDED, attempts=attempts)


async def offered_upgrade(context: Context, account_id: int, device: int) -> DeviceUpgrade | None:
    """The device's open upgrade; None before its campaign has begun, and while the content to download is lost."""
    found = await context.reader.short(_read_device_upgrade, account_id, device, context.clock.now_ms())
    if found is None or found.reason in _HAS_CONTENT:
        return found
    content = found.content.stored
    return None if content is not None and await is_content_lost(context, content) else found


def _read_upgrade_of_device(
    connection: Connection, account_id: int, device: int, upgrade_id: int, now_ms: int
) -> DeviceUpgrade:
    upgrade = read_upgrade(connection, account_id, device, upgrade_id)
    found = _view(connection, upgrade, now_ms) if upgrade else None
    if found is None:
        raise NotFound(f"device {device:015d} has no upgrade {upgrade_id}")
    return found


async def upgrade_of_device(context: Context, account_id: int, device: int, upgrade_id: int) -> DeviceUpgrade:
    """The device's upgrade with this id, open or ended. Raises NotFound."""
    now_ms = context.clock.now_ms()
    return await context.reader.short(_read_upgrade_of_device, account_id, device, upgrade_id, now_ms)


async def report_progress(
    context: Context,
    caller: Caller,
    device: int,
    upgrade_id: int,
    step: ReportedStep,
    failure: ReportedFailure | None,
    message: str = "",
) -> DeviceUpgrade:
    """Records a device's report; a repeated report changes nothing. Raises NotFound or Conflict.

    The log has failures, and the message of each report; that of a failure is also stored.
    """
    account_id = caller.account_id

    def report(connection: Connection, now_ms: int) -> DeviceUpgrade:
        read = partial(_read_upgrade_of_device, connection, account_id, device, upgrade_id, now_ms)
        before = read()
        upgrade = read_upgrade(connection, account_id, device, upgrade_id)
        assert upgrade is not None
        decided = decide_report(upgrade, step, failure, before.download_allowed)
        if decided is None:
            return before
        changes = UpgradeChangeSet(account_id)
        attempts = int(upgrade.status == UpgradeStatus.SCHEDULED)
        changes.changes.append(UpgradeChange(upgrade, *decided, attempts=attempts))
        changes.record(connection, now_ms)
        if message and step is ReportedStep.FAILED:
            record_failure_message(connection, upgrade_id, message)
        return read()

    done = await context.writer.submit(DirectCommand(report, caller=caller, alone=True))
    named = {
        "device": caller.actor,
        "upgrade_id": upgrade_id,
        "said": message or "no message",
        "account": caller.account_name,
    }
    if step is ReportedStep.FAILED:
        log.write(LogEvent.DEVICE_FAILED, failure=(failure or ReportedFailure.OTHER).value, **named)
    elif message:
        log.write(LogEvent.DEVICE_MESSAGE, step=step.value, **named)
    return done
