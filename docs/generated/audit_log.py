"""docs/how-to/audit-log.md: every action that the audit log records, from the tables of operations and pages."""

from __future__ import annotations

from collections.abc import Callable

from fotapool.console.app.routes import PAGES
from fotapool.operator_api.calls import BASE
from fotapool.operator_api.routes import EMULATOR_OPERATIONS, OPERATIONS
from fotapool.services.accounts.scheduled_changes import CARRY_OUT
from fotapool.store.campaigns.stop_rules import STOP_CAMPAIGN
from generated.tables import code, codes, table

COMMANDS = {
    "setSecretKey": "a server started with a new key of stored secrets",
    "applySeed": "a server started with `--seed` on an empty database",
    "migrateDatabase": "`fotapool database migrate`, if it changed the schema",
    "restoreDatabase": "`fotapool database restore`",
    "deleteSecrets": "`fotapool database delete-secrets`",
    STOP_CAMPAIGN: "a stop rule stopped a campaign",
    CARRY_OUT: "a scheduled change of a subscription was carried out, or failed",
}
SESSIONS = {
    "signIn": "sign-in to the console; wrong keys, of the operator API too",
    "signOut": "sign-out of the console",
}


def actions() -> str:
    """A line for each action: the operation and the form that it is the name of."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for operation in (*OPERATIONS, *EMULATOR_OPERATIONS):
        if operation.changes:
            found.setdefault(operation.audited_action, ([], []))[0].append(f"{operation.method} {BASE}{operation.path}")
    for page in PAGES:
        if page.changes:
            found.setdefault(page.audited_action, ([], []))[1].append(f"/console{page.path}")
    rows = []
    for action, paths in sorted(found.items()):
        rows.append((code(action), *(codes(of_api, ", ") for of_api in paths)))
    rows += [(code(action), "", text) for action, text in SESSIONS.items()]
    return table(("Action", "Operator API", "Form of the console"), rows)


def commands() -> str:
    """A line for each action of a command or of the start of a server."""
    return table(("Action", "When"), [(code(action), text) for action, text in COMMANDS.items()])


SECTIONS: dict[str, Callable[[], str]] = {"audit-actions": actions, "audit-commands": commands}
