"""The page of how long data are stored, and of what is older."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.app.rendering import plural
from fotapool.console.identity.sessions import PATH
from fotapool.domain.accounts.retention import Kind
from fotapool.domain.identity import Role
from fotapool.services.accounts import retention
from fotapool.services.accounts.retention import MAX_COUNTED

KIND_LABELS = {
    Kind.CHECK_INS: ("Check-ins", "check-in"),
    Kind.DEVICE_LOGS: ("Device logs", "device-log"),
    Kind.CALLBACKS: ("Delivered and failed callbacks", "callback"),
    Kind.AUDIT_LOG: ("Audit log", "audit-log"),
    Kind.UPGRADES: ("Upgrades of ended campaigns, without the charged ones", "upgrade"),
    Kind.REJECTIONS: ("Counts of rejections", "rejection"),
    Kind.UNDO: ("Undo of reductions", "undo"),
}
"""The label of each kind, and the beginning of its option."""


async def show_retention(call: ConsoleCall) -> Response:
    views = await retention.read_retention(call.context)
    return await call.page(
        "accounts/retention.html", "Stored data", views=views, labels=KIND_LABELS, max_counted=MAX_COUNTED
    )


async def purge_data(call: ConsoleCall) -> Response:
    done = await retention.purge_old_data(call.context, tuple(Kind))
    rows, is_complete = sum(one.deleted for one in done), all(one.complete for one in done)
    text = f"{plural(rows, 'row')} deleted.{'' if is_complete else ' More are old enough: delete again.'}"
    return await call.go(f"{PATH}/retention", text, "done" if is_complete else "warn")


PAGES = (
    ConsolePage("GET", "/retention", show_retention),
    ConsolePage("POST", "/retention/purge", purge_data, role=Role.ADMIN),
)
