"""The stop rules of operators: of the server, and of accounts that have one of their own."""

from __future__ import annotations

from fotapool.domain.campaigns.campaigns import Campaign
from fotapool.domain.campaigns.stop_rules import CampaignStop, check_stop_rule
from fotapool.domain.errors import NotFound
from fotapool.domain.names import ALL_ACCOUNTS
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Caller, Context
from fotapool.store.campaigns import stop_rules as store
from fotapool.store.campaigns.stop_rules import StoredStopRule
from fotapool.store.db.connection import Connection


async def read_stop_rule(context: Context, account_id: int = ALL_ACCOUNTS) -> StoredStopRule | None:
    """The rule that holds for the account, or for all; None if none was ever set."""
    return await context.reader.short(store.read_stop_rule, account_id)


async def set_stop_rule(context: Context, caller: Caller, percent: int | None, devices: int) -> None:
    """Sets the rule of the caller's account, or of the server; without `percent`, campaigns are not stopped.

    Raises Invalid.
    """
    rule = None if percent is None else check_stop_rule(percent, devices)

    def change(connection: Connection, now_ms: int) -> None:
        before = _own_rule(connection, caller)
        store.record_stop_rule(connection, caller.account_id, rule)
        given = {"percent": percent, "devices": None if percent is None else devices}
        context.audit.record(connection, now_ms, before, given)

    await context.writer.submit(DirectCommand(change, caller=caller))


async def delete_stop_rule(context: Context, caller: Caller) -> None:
    """Deletes the rule of the caller's account, or of the server. Raises NotFound if it has none."""

    def delete(connection: Connection, now_ms: int) -> None:
        before = _own_rule(connection, caller)
        if not store.delete_stop_rule(connection, caller.account_id):
            of = f"account {caller.account_name}" if caller.account_id else "the server"
            raise NotFound(f"{of} has no stop rule of its own")
        context.audit.record(connection, now_ms, before)

    await context.writer.submit(DirectCommand(delete, caller=caller))


async def read_stop(context: Context, campaign: Campaign) -> CampaignStop | None:
    """How a rule stopped the campaign; None if none did."""
    return await context.reader.short(store.read_stop, campaign.id)


def _own_rule(connection: Connection, caller: Caller) -> dict[str, int | None] | None:
    """The rule as the audit log shows it; None if the caller's account has none of its own."""
    rule = store.read_stop_rule(connection, caller.account_id)
    if rule is None or rule.account_id != caller.account_id:
        return None
    return {"percent": rule.percent, "devices": rule.devices}
