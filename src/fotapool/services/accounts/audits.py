"""The ledger, and the audit that recomputes the invariants."""

from __future__ import annotations

from fotapool.domain.errors import NotFound
from fotapool.domain.names import is_account_name
from fotapool.services.context import OPERATOR_PAGE, Caller, Context
from fotapool.store.accounts.accounts import read_account
from fotapool.store.db.audit import Check, read_audit
from fotapool.store.db.connection import Connection, Row
from fotapool.store.licenses.ledger_views import read_ledger


async def audit_account(context: Context, name: str) -> list[Check]:
    """Every invariant of the account, recomputed from its rows at one moment. Raises NotFound."""

    def audit(connection: Connection) -> list[Check]:
        account = read_account(connection, name) if is_account_name(name) else None
        if account is None:
            raise NotFound(f"account {name} does not exist")
        return read_audit(connection, account.id)

    return await context.reader.long(audit)


async def list_ledger(context: Context, caller: Caller, device: int | None, after: int, limit: int) -> list[Row]:
    """Ledger entries numbered above `after`; see store.ledger.read_ledger."""
    return await context.reader.short(read_ledger, caller.account_id, device, after, min(limit, OPERATOR_PAGE + 1))
