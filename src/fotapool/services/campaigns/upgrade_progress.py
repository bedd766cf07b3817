"""What a device is to do about its upgrade now, and what it reports of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fotapool.domain.campaigns.campaigns import Campaign, may_download, may_install, next_open_ms
from fotapool.domain.campaigns.upgrades import (
    OPEN,
    ReportedFailure,
    ReportedStep,
    Upgrade,
    UpgradeChange,
    UpgradeStatus,
    decide_report,
)
from fotapool.domain.errors import NotFound
from fotapool.services.context import Caller, Context
from fotapool.store.campaigns.campaigns import read_campaign_by_id
from fotapool.store.campaigns.upgrade_changes import UpgradeChangeSet
from fotapool.store.campaigns.upgrades import read_open_upgrade, read_upgrade
from fotapool.store.db.connection import Connection
from fotapool.store.db.writer import Command, Pools
from fotapool.store.packages.artifacts import ArtifactContent, read_content


@dataclass(frozen=True, slots=True)
class DeviceUpgrade:
    """An upgrade as its device sees it."""

    id: int
    campaign: Campaign
    status: UpgradeStatus
    reason: int
    content: ArtifactContent
    download_allowed: bool
    install_allowed: bool
    next_window_ms: int | None
    """When a window next opens, if one keeps the device from going on now."""


def _view(connection: Connection, upgrade: Upgrade, now_ms: int) -> DeviceUpgrade | None:
    """None for an upgrade outside a campaign: there is nothing that its device could fetch."""
    campaign = read_campaign_by_id(connection, upgrade.campaign_id) if upgrade.campaign_id else None
    if campaign is None:
        return None
    status = UpgradeStatus(upgrade.status)
    running = status is UpgradeStatus.IN_PROGRESS
    windows = campaign.windows
    may_go_on = next_open_ms(windows.download, windows.download_after, now_ms) == now_ms
    download = status in OPEN and (may_download(campaign, now_ms) or (running and may_go_on))
    install = status in OPEN and may_install(campaign, now_ms) and (running or download)
    next_ms: int | None = None
    if status is UpgradeStatus.SCHEDULED and not download:
        next_ms = next_open_ms(windows.download, windows.download_after, max(now_ms, campaign.start_ms))
    elif running and not install:
        next_ms = next_open_ms(windows.install, windows.install_after, now_ms)
    content = read_content(connection, campaign.subject)
    return DeviceUpgrade(
        id=upgrade.id,
        campaign=campaign,
        status=status,
        reason=upgrade.reason,
        content=content,
        download_allowed=download,
        install_allowed=install,
        next_window_ms=next_ms,
    )


def _read_device_upgrade(connection: Connection, account_id: int, device: int, now_ms: int) -> DeviceUpgrade | None:
    upgrade = read_open_upgrade(connection, account_id, device)
    found = _view(connection, upgrade, now_ms) if upgrade else None
    if found is None or (found.status is UpgradeStatus.SCHEDULED and found.campaign.start_ms > now_ms):
        return None
    return found


async def device_upgrade(context: Context, account_id: int, device: int) -> DeviceUpgrade | None:
    """The device's open upgrade, once its campaign has begun."""
    return await context.reader.short(_read_device_upgrade, account_id, device, context.clock.now_ms())


def _read_upgrade_of_device(
    connection: Connection, account_id: int, device: int, upgrade_id: int, now_ms: int
) -> DeviceUpgrade:
    upgrade = read_upgrade(connection, account_id, device, upgrade_id)
    found = _view(connection, upgrade, now_ms) if upgrade else None
    if found is None:
        raise NotFound(f"device {device:015d} has no upgrade {upgrade_id}")
    return found


async def upgrade_of_device(context: Context, account_id: int, device: int, upgrade_id: int) -> DeviceUpgrade:
    """That upgrade of the device, open or ended. Raises NotFound."""
    now_ms = context.clock.now_ms()
    return await context.reader.short(_read_upgrade_of_device, account_id, device, upgrade_id, now_ms)


class _ReportFacts:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def record(self, connection: Connection) -> None:
        """The report was recorded when it was decided."""


class _Report(Command[DeviceUpgrade]):
    alone = True

    def __init__(
        self, caller: Caller, device: int, upgrade_id: int, step: ReportedStep, failure: ReportedFailure | None
    ) -> None:
        self._caller = caller
        self._device = device
        self._upgrade_id = upgrade_id
        self._step = step
        self._failure = failure
        self.account_ids = (caller.account_id,)

    @classmethod
    def load(cls, connection: Connection, pools: Pools, commands: Sequence[_Report], now_ms: int) -> _ReportFacts:
        return _ReportFacts(connection)

    def decide(self, facts: _ReportFacts, now_ms: int) -> DeviceUpgrade:
        connection, account_id = facts.connection, self._caller.account_id
        before = _read_upgrade_of_device(
            connection, account_id=account_id, device=self._device, upgrade_id=self._upgrade_id, now_ms=now_ms
        )
        upgrade = read_upgrade(connection, account_id, self._device, self._upgrade_id)
        assert upgrade is not None
        decided = decide_report(upgrade, self._step, self._failure, before.download_allowed)
        if decided is None:
            return before
        progress = UpgradeChangeSet(account_id)
        attempts = int(upgrade.status == UpgradeStatus.SCHEDULED)
        progress.changes.append(UpgradeChange(upgrade, *decided, attempts=attempts))
        progress.record(connection, now_ms)
        return _read_upgrade_of_device(
            connection, account_id=account_id, device=self._device, upgrade_id=self._upgrade_id, now_ms=now_ms
        )


async def report_progress(
    context: Context, caller: Caller, device: int, upgrade_id: int, step: ReportedStep, failure: ReportedFailure | None
) -> DeviceUpgrade:
    """Records how far the device is; the same report again changes nothing. Raises NotFound or Conflict."""
    return await context.writer.submit(
        _Report(caller=caller, device=device, upgrade_id=upgrade_id, step=step, failure=failure)
    )
