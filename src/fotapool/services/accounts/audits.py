"""The ledger, and the audit that recomputes the invariants."""

from __future__ import annotations

from fotapool.core.logs.events import Log, LogEvent
from fotapool.services.accounts.accounts import require_account
from fotapool.services.context import OPERATOR_PAGE, Caller, Context
from fotapool.store.db.audit import Check, read_audit
from fotapool.store.db.connection import Connection, Row
from fotapool.store.licenses.ledger_views import read_ledger

log = Log(__name__)


async def audit_account(context: Context, name: str) -> list[Check]:
    """Recomputes every invariant of the account from its rows, in one transaction. Raises NotFound."""

    def audit(connection: Connection) -> list[Check]:
        return read_audit(connection, require_account(connection, name).id)

    checks = await context.reader.long(audit)
    for check in checks:
        if not check.ok:
            log.write(LogEvent.AUDIT_INCONSISTENT, account=name, check=check.says, found=check.found)
    return checks


async def list_ledger(context: Context, caller: Caller, device: int | None, after: int, limit: int) -> list[Row]:
    """Ledger entries with numbers above `after`, of one device or of all; rows as `read_ledger` returns them."""
    return await context.reader.short(read_ledger, caller.account_id, device, after, min(limit, OPERATOR_PAGE + 1))
