"""The audit log's entry of a request of an operator: who and what, by the row of the operation and its path."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request

from fotapool.services.audit_log.drafts import AuditDraft, Via
from fotapool.store.identity.operators import Operator
from fotapool.web.http import sender_address
from fotapool.web.operations import Row

KINDS = {
    "accounts": "account",
    "alert-rules": "alert rule",
    "alerts": "alert",
    "callbacks": "delivery",
    "campaigns": "campaign",
    "changes": "change",
    "clients": "client",
    "deliveries": "delivery",
    "device-keys": "device key",
    "devices": "device",
    "faults": "fault",
    "firmware": "package",
    "jobs": "bulk job",
    "listeners": "listener",
    "operators": "operator",
    "requests": "request",
    "scheduled-changes": "scheduled change",
    "users": "user",
}
"""The kind of a target, by the part of the path before its name."""
_NAMED = re.compile(r"([^/{}]+)/\{(\w+)[^}]*\}")


def draft_of(row: Row, request: Request, request_id: str, operator: Operator, via: Via) -> AuditDraft:
    """The entry of a request, with the target and the account that its path names."""
    draft = AuditDraft(
        operator=operator.name,
        role=operator.role.value,
        via=via,
        address=sender_address(request.scope),
        request_id=request_id,
        action=row.audited_action,
        changes=row.changes,
    )
    for kind, name in targets(row.path, request.path_params):
        draft.about(kind, name)
    return draft


def targets(path: str, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """(kind, name) of what a path names, in order."""
    return [
        (KINDS[segment], str(values[name]))
        for segment, name in _NAMED.findall(path)
        if segment in KINDS and name in values
    ]
