"""Collects the changes of upgrades and campaigns of one transaction, and records them with their consequences.

Consequences: a completed upgrade marks the license as used, sets the device's firmware, is charged to an account with
event billing and counts for the pilot rule. Listeners get events. A campaign without open upgrades ends, and one whose
stop rule is reached stops.
"""

from __future__ import annotations

from collections.abc import Iterable

from fotapool.domain.billing import is_charged
from fotapool.domain.callbacks import Event, campaign_changed, upgrades_changed
from fotapool.domain.campaigns.campaigns import (
    RUNNING,
    SCAN_START,
    Campaign,
    CampaignStatus,
    change_status,
    ending,
    ends_without_upgrades,
    enrolls_version,
    next_step_ms,
)
from fotapool.domain.campaigns.stop_rules import CampaignStop, may_stop
from fotapool.domain.campaigns.upgrades import OPEN, UpgradeChange, UpgradeStatus
from fotapool.domain.licenses.licenses import LicenseState
from fotapool.domain.names import PurchaseType
from fotapool.store.accounts.accounts import read_account_by_id
from fotapool.store.callbacks.deliveries import record_events
from fotapool.store.campaigns.campaigns import read_campaign_by_id, record_campaigns, record_devices_changed
from fotapool.store.campaigns.stop_rules import read_stop_rule, record_stop
from fotapool.store.campaigns.tallies import read_tallies, record_moves
from fotapool.store.campaigns.upgrades import has_open, read_next_due
from fotapool.store.db.connection import Connection, Key, Row
from fotapool.store.packages.artifacts import record_pilot_result

_COLUMNS = "status, reason, attempts, started_ms, ended_ms, updated_ms, due_ms, charged_ms"
_UNUSED = f"state IN ({LicenseState.PLAIN:d}, {LicenseState.NOTICE:d})"


class UpgradeChangeSet:
    """Changes of one account's upgrades, in order. `record` also writes the given campaigns."""

    def __init__(self, account_id: int, campaigns: Iterable[Campaign] = ()) -> None:
        self.account_id = account_id
        self.campaigns = {campaign.id: campaign for campaign in campaigns}
        self.changes: list[UpgradeChange] = []
        self._changed: list[Campaign] = []
        self.emptied_by_user = False
        """Whether the user removes devices, which may end the campaign (rule U4)."""

    def change_status(self, campaign: Campaign, status: CampaignStatus, now_ms: int) -> None:
        """Changes the campaign's status."""
        change_status(campaign, status, now_ms)
        if campaign not in self._changed:
            self._changed.append(campaign)

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
        self._stop_failing_campaigns(connection, account.name, now_ms)
        for campaign in self.campaigns.values():
            self._plan_next_step(connection, campaign, now_ms)
        record_campaigns(connection, list(self.campaigns.values()))
        self._record_events(connection, account.name, now_ms)

    def _record_upgrades(self, connection: Connection, purchase_type: PurchaseType, now_ms: int) -> None:
        completed = [change.upgrade for change in self.changes if change.status is UpgradeStatus.COMPLETED]
        licensed: set[int] = set()
        if completed and purchase_type is PurchaseType.BOTH:
            keys = [(upgrade.account_id, upgrade.imei) for upgrade in completed]
            sql = "SELECT l.imei FROM {keys} k JOIN license l ON l.account_id = k.account_id AND l.imei = k.imei"
            licensed = {row[0] for row in connection.fetch_keys(sql, keys)}
        charged = {upgrade.id for upgrade in completed if is_charged(purchase_type, upgrade.imei in licensed)}
        rows = [_row(change, now_ms, change.upgrade.id in charged) for change in self.changes]
        connection.update_rows("upgrade", "id", _COLUMNS, rows)
        record_moves(
            connection, ((one.upgrade.campaign_id, int(one.upgrade.status), int(one.status)) for one in self.changes)
        )

    def _record_completed(self, connection: Connection, now_ms: int) -> None:
        """Records used licenses, the devices' new firmware, and results for the pilot rule."""
        keys = [_key(change) for change in self.changes if change.status is UpgradeStatus.COMPLETED]
        connection.update_keys(
            "license", "state = state + :flag", keys, {"flag": int(LicenseState.USED)}, where=_UNUSED
        )
        versions: set[str] = set()
        for campaign in sorted(self.campaigns.values(), key=lambda campaign: campaign.artifact.key):
            own = [change for change in self.changes if change.upgrade.campaign_id == campaign.id]
            done = [_key(change) for change in own if change.status is UpgradeStatus.COMPLETED]
            failed = sum(change.status is UpgradeStatus.FAILED for change in own)
            if done or failed:
                record_pilot_result(
                    connection,
                    is_file=campaign.artifact.is_file,
                    artifact_id=campaign.artifact.id,
                    succeeded=len(done),
                    failed=failed,
                )
            if done and not campaign.artifact.is_file:
                connection.update_keys(
                    "device",
                    "firmware = :firmware, upgraded_ms = :now, updated_ms = :now",
                    done,
                    {"firmware": campaign.artifact.to_version, "now": now_ms},
                )
                versions.add(campaign.artifact.to_version)
        for version in sorted(versions):
            record_devices_changed(connection, self.account_id, now_ms, version)
        for campaign in self.campaigns.values():
            if enrolls_version(campaign, versions):
                campaign.enroll_cursor = SCAN_START

    def _stop_failing_campaigns(self, connection: Connection, account_name: str, now_ms: int) -> None:
        """Stops running campaigns by the account's stop rule.

        The first step of a stopped campaign cancels its other devices (services/campaigns/steps.py).
        """
        failing = {change.upgrade.campaign_id for change in self.changes if change.status is UpgradeStatus.FAILED}
        for campaign in self.campaigns.values():
            if campaign.id in failing and may_stop(campaign, now_ms):
                self._stop_failing(connection, campaign, account_name, now_ms)

    def _stop_failing(self, connection: Connection, campaign: Campaign, account_name: str, now_ms: int) -> None:
        stored = read_stop_rule(connection, campaign.account_id)
        rule = stored and stored.rule
        if rule is None:
            return
        tally = read_tallies(connection, [campaign.id])[campaign.id]
        if not rule.is_reached(tally.completed, tally.failed):
            return
        if campaign.auto_add or has_open(connection, campaign.id, UpgradeStatus.SCHEDULED):
            self.change_status(campaign, CampaignStatus.ABORTED, now_ms)
            campaign.scan_cursor = SCAN_START
            stop = CampaignStop(
                at_ms=now_ms,
                finished=tally.finished,
                failed=tally.failed,
                percent=rule.percent,
                devices=rule.devices,
            )
            record_stop(connection, campaign, account_name, stop)

    def _plan_next_step(self, connection: Connection, campaign: Campaign, now_ms: int) -> None:
        """Ends a campaign without open upgrades, and sets when its next step is due."""
        if ends_without_upgrades(campaign, now_ms) and not has_open(connection, campaign.id):
            own = any(change.upgrade.campaign_id == campaign.id for change in self.changes)
            self.change_status(campaign, ending(campaign, self.emptied_by_user and own), now_ms)
        in_progress = campaign.status not in RUNNING and has_open(connection, campaign.id, UpgradeStatus.IN_PROGRESS)
        acts = in_progress or campaign.status is CampaignStatus.SCHEDULED
        next_upgrade_ms = read_next_due(connection, campaign.id) if acts else None
        campaign.due_ms = next_step_ms(campaign, in_progress, next_upgrade_ms, now_ms)

    def _record_events(self, connection: Connection, account_name: str, now_ms: int) -> None:
        events: list[Event] = []
        for campaign in self.campaigns.values():
            own = [
                (change.upgrade.imei, int(change.status), int(change.reason))
                for change in self.changes
                if change.upgrade.campaign_id == campaign.id
                and (change.status, change.reason) != (change.upgrade.status, change.upgrade.reason)
            ]
            of_campaign = upgrades_changed(account_name, campaign, own)
            if campaign in self._changed:  # a campaign starts before its devices, and ends after them
                place = 0 if campaign.status in RUNNING else len(of_campaign)
                of_campaign.insert(place, campaign_changed(account_name, campaign))
            events += of_campaign
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
