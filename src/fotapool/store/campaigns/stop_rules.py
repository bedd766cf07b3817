"""Stop rules, of the server and of accounts, and the campaigns that they have stopped."""

from __future__ import annotations

import json
from typing import NamedTuple

from fotapool.domain.campaigns.campaigns import Campaign, CampaignStatus
from fotapool.domain.campaigns.stop_rules import CampaignStop, StopRule
from fotapool.domain.names import ALL_ACCOUNTS
from fotapool.store.audit_log import AuditEntry, record_entry
from fotapool.store.db.connection import Connection
from fotapool.store.db.rows import columns, exists, fetch_one

SERVER = "engine"
"""The actor of what the server does by itself."""
STOP_CAMPAIGN = "stopCampaign"
"""The action of the audit log for a campaign that a rule has stopped."""


class StoredStopRule(NamedTuple):
    """A rule and the account that it was set for, ALL_ACCOUNTS for the server's; without numbers, it stops nothing."""

    account_id: int
    percent: int | None
    devices: int | None

    @property
    def rule(self) -> StopRule | None:
        return None if self.percent is None or self.devices is None else StopRule(self.percent, self.devices)


def read_stop_rule(connection: Connection, account_id: int) -> StoredStopRule | None:
    """The rule that holds for the account: its own, else the server's."""
    sql = f"""SELECT {columns(StoredStopRule)} FROM campaign_stop_rule WHERE account_id IN ({ALL_ACCOUNTS}, :id)
        ORDER BY account_id DESC LIMIT 1"""
    return fetch_one(connection, StoredStopRule, sql, id=account_id)


def record_stop_rule(connection: Connection, account_id: int, rule: StopRule | None) -> None:
    """Sets the rule of an account, or of the server; None stops nothing."""
    values = (account_id, rule and rule.percent, rule and rule.devices)
    connection.execute(
        f"INSERT INTO campaign_stop_rule ({columns(StoredStopRule)}) VALUES (:account_id, :percent, :devices)"
        " ON CONFLICT (account_id) DO UPDATE SET percent = excluded.percent, devices = excluded.devices",
        dict(zip(StoredStopRule._fields, values, strict=True)),
    )


def delete_stop_rule(connection: Connection, account_id: int) -> bool:
    """Deletes the rule of an account, or of the server. Returns whether there was one."""
    sql = "DELETE FROM campaign_stop_rule WHERE account_id = :id RETURNING account_id"
    return exists(connection, sql, id=account_id)


def read_stop(connection: Connection, campaign_id: int) -> CampaignStop | None:
    """How a rule stopped the campaign; None if none did."""
    sql = f"SELECT {columns(CampaignStop)} FROM campaign_stop WHERE campaign_id = :id"
    return fetch_one(connection, CampaignStop, sql, id=campaign_id)


def record_stop(connection: Connection, campaign: Campaign, account_name: str, stop: CampaignStop) -> None:
    """Records that the rule has stopped the campaign, in the audit log too."""
    row = (campaign.id, stop.at_ms, stop.finished, stop.failed, stop.percent, stop.devices)
    connection.insert("campaign_stop", f"campaign_id, {columns(CampaignStop)}", [row])
    after = {"status": CampaignStatus.ABORTED.word, "finished": stop.finished, "failed": stop.failed}
    rule = {"percent": stop.percent, "devices": stop.devices}
    entry = AuditEntry(
        at_ms=stop.at_ms,
        operator=SERVER,
        role="",
        via="server",
        address="",
        request_id="",
        action=STOP_CAMPAIGN,
        account=account_name,
        target_kind="campaign",
        target=campaign.uuid,
        before_json=json.dumps({"status": CampaignStatus.SCHEDULED.word}, separators=(",", ":")),
        after_json=json.dumps({**after, "rule": rule}, separators=(",", ":")),
        status=None,
        reason="",
        refused_minute=None,
        attempts=1,
        last_ms=stop.at_ms,
    )
    record_entry(connection, entry)
