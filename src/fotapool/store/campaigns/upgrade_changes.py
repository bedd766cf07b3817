"""Collects what becomes of upgrades and their campaigns in one transaction, and records all that follows from it.

What follows: the license of a device that completed counts as used, the device has the new firmware, an event account
is charged, the package has one more trial, the listeners are told, and a campaign without open upgrades has ended.
"""

from __future__ import annotations

from collections.abc import Iterable

from fotapool.domain.billing import is_charged
from fotapool.domain.callbacks import Event, campaign_changed, upgrades_changed
from fotapool.domain.campaigns.campaigns import (
    GRACE_MS,
    NOT_STARTED,
    RUNNING,
    SCAN_START,
    Campaign,
    CampaignStatus,
    ending,
)
from fotapool.domain.campaigns.upgrades import OPEN, UpgradeChange, UpgradeStatus
from fotapool.domain.licenses.licenses import LicenseState
from fotapool.domain.names import PurchaseType
from fotapool.store.accounts.accounts import read_account_by_id
from fotapool.store.callbacks.deliveries import record_events
from fotapool.store.campaigns.campaigns import read_campaign_by_id, record_campaigns, record_devices_changed
from fotapool.store.campaigns.upgrades import has_open, read_next_due
from fotapool.store.db.connection import Connection, Key, Row
from fotapool.store.packages.artifacts import record_pilot_result

_COLUMNS = "status, reason, attempts, started_ms, ended_ms, updated_ms, due_ms, charged_ms"


class UpgradeChangeSet:
    """Changes of one account's upgrades, in order. The campaigns that it is given are written as they then are."""

    def __init__(self, account_id: int, campaigns: Iterable[Campaign] = ()) -> None:
        self.account_id = account_id
        self.campaigns = {campaign.id: campaign for campaign in campaigns}
        self.changes: list[UpgradeChange] = []
        self._moved: list[Campaign] = []
        self.emptied_by_user = False
        """Whether it is the user who takes devices out of a campaign, and so may end it (rule U4)."""

    def move(self, campaign: Campaign, status: CampaignStatus, now_ms: int) -> None:
        """Notes that the campaign goes into another state."""
        campaign.status = status
        campaign.updated_ms = now_ms
        if status not in RUNNING:
            campaign.ended_ms = now_ms
            campaign.scan_cursor = campaign.enroll_cursor = campaign.due_ms = None
        if campaign not in self._moved:
            self._moved.append(campaign)

    def record(self, connection: Connection, now_ms: int) -> None:
        if not (self.changes or self.campaigns):
            return
        for campaign_id in sorted({change.upgrade.campaign_id for change in self.changes} - {0}):
            if campaign_id not in self.campaigns:
                found = read_campaign_by_id(connection, campaign_id)
                assert found is not None
                self.campaigns[campaign_id] = found
        account = read_account_by_id(connection, self.account_id)
        assert account is not None
        self._record_upgrades(connection, account.purchase_type, now_ms)
        self._record_completed(connection, now_ms)
        for campaign in self.campaigns.values():
            self._look_ahead(connection, campaign, now_ms)
        record_campaigns(connection, list(self.campaigns.values()))
        self._record_events(connection, account.name, now_ms)

    def _record_upgrades(self, connection: Connection, purchase_type: PurchaseType, now_ms: int) -> None:
        completed = [change.upgrade for change in self.changes if change.status is UpgradeStatus.COMPLETED]
        licensed: set[int] = set()
        if completed and purchase_type is PurchaseType.BOTH:
            keys = [(upgrade.account_id, upgrade.imei) for upgrade in completed]
            licensed = {
                row[0]
                for row in connection.fetch_keys(
                    "SELECT l.imei FROM {keys} k JOIN license l ON l.account_id = k.account_id AND l.imei = k.imei",
                    keys,
                )
            }
        charged = {
            upgrade.id
            for upgrade in completed
            if purchase_type is not PurchaseType.MRC and is_charged(purchase_type, upgrade.imei in licensed)
        }
        rows = [_row(change, now_ms, change.upgrade.id in charged) for change in self.changes]
        connection.update_rows("upgrade", "id", _COLUMNS, rows)

    def _record_completed(self, connection: Connection, now_ms: int) -> None:
        """The licenses that are used now, the devices' new firmware, and the packages' trials."""
        keys = [_key(change) for change in self.changes if change.status is UpgradeStatus.COMPLETED]
        connection.update_keys(
            "license", "state = state + :flag", keys, {"flag": int(LicenseState.USED)}, where="state IN (0, 2)"
        )
        versions: set[str] = set()
        for campaign in sorted(self.campaigns.values(), key=lambda campaign: campaign.subject.key):
            own = [change for change in self.changes if change.upgrade.campaign_id == campaign.id]
            done = [_key(change) for change in own if change.status is UpgradeStatus.COMPLETED]
            failed = sum(change.status is UpgradeStatus.FAILED for change in own)
            if done or failed:
                record_pilot_result(
                    connection,
                    is_file=campaign.subject.is_file,
                    subject_id=campaign.subject.id,
                    succeeded=len(done),
                    failed=failed,
                )
            if done and not campaign.subject.is_file:
                connection.update_keys(
                    "device",
                    "firmware = :firmware, upgraded_ms = :now, updated_ms = :now",
                    done,
                    {"firmware": campaign.subject.to_version, "now": now_ms},
                )
                versions.add(campaign.subject.to_version)
        for version in sorted(versions):
            record_devices_changed(connection, self.account_id, now_ms, version)
        for campaign in self.campaigns.values():
            fits = campaign.auto_add and not campaign.subject.is_file and campaign.subject.from_version in versions
            if fits and campaign.status in RUNNING - {CampaignStatus.PENDING}:
                campaign.enroll_cursor = SCAN_START

    def _look_ahead(self, connection: Connection, campaign: Campaign, now_ms: int) -> None:
        """Ends a campaign that has no open upgrade left, and says when the engine is to look at it again."""
        own = any(change.upgrade.campaign_id == campaign.id for change in self.changes)
        if campaign.status in RUNNING - {CampaignStatus.PENDING} and campaign.scan_cursor is None:
            waits = campaign.auto_add and (campaign.end_ms > now_ms or campaign.enroll_cursor is not None)
            if not waits and not has_open(connection, campaign.id):
                self.move(campaign, ending(campaign, self.emptied_by_user and own), now_ms)
        if campaign.status in NOT_STARTED:
            if campaign.enroll_cursor is not None and campaign.status is not CampaignStatus.PENDING:
                campaign.due_ms = now_ms
            return
        if campaign.scan_cursor is not None or campaign.enroll_cursor is not None:
            campaign.due_ms = now_ms
        elif campaign.status is CampaignStatus.SCHEDULED:
            next_ms = read_next_due(connection, campaign.id)
            campaign.due_ms = campaign.end_ms if next_ms is None else min(campaign.end_ms, next_ms)
        elif has_open(connection, campaign.id, UpgradeStatus.IN_PROGRESS):
            next_ms = read_next_due(connection, campaign.id)
            latest_ms = max(campaign.end_ms, campaign.ended_ms or 0) + GRACE_MS
            campaign.due_ms = latest_ms if next_ms is None else min(latest_ms, next_ms)
        else:
            campaign.due_ms = None

    def _record_events(self, connection: Connection, account_name: str, now_ms: int) -> None:
        events: list[Event] = []
        for campaign in self.campaigns.values():
            own = [
                (change.upgrade.imei, int(change.status), int(change.reason))
                for change in self.changes
                if change.upgrade.campaign_id == campaign.id
                and (change.status, change.reason) != (change.upgrade.status, change.upgrade.reason)
            ]
            told = upgrades_changed(account_name, campaign, own)
            if campaign in self._moved:  # it goes on before its devices do, and ends after them
                place = 0 if campaign.status in RUNNING else len(told)
                told.insert(place, campaign_changed(account_name, campaign))
            events += told
        if events:
            record_events(connection, self.account_id, events, now_ms)


def _key(change: UpgradeChange) -> Key:
    return change.upgrade.account_id, change.upgrade.imei


def _row(change: UpgradeChange, now_ms: int, charged: bool) -> Row:
    upgrade, status = change.upgrade, change.status
    started_ms = upgrade.started_ms
    if status is UpgradeStatus.IN_PROGRESS and started_ms is None:
        started_ms = now_ms
    return (
        upgrade.id,
        int(status),
        int(change.reason),
        upgrade.attempts + change.attempts,
        started_ms,
        None if status in OPEN else now_ms,
        now_ms,
        change.due_ms if status in OPEN else None,
        now_ms if charged else None,
    )
