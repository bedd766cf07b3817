"""Every version has a status and a reason for each outcome, and a message for each error code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fotapool.api.common.connectivity_errors import connectivity_error
from fotapool.api.common.errors import GATEWAY_ERRORS, MESSAGES, error_response
from fotapool.api.v1 import licenses as v1
from fotapool.api.v2 import licenses as v2
from fotapool.api.v3 import licenses as v3
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.licenses.licenses import Outcome

OF_ASSIGN = {Outcome.ASSIGNED, Outcome.PREEXISTING, Outcome.NO_FREE_LICENSE, Outcome.DEVICE_NOT_FOUND}
OF_REMOVE = {
    Outcome.REMOVED,
    Outcome.NO_LICENSE,
    Outcome.USED_BY_UPGRADE,
    Outcome.UPGRADE_IN_PROGRESS,
    Outcome.UNDER_NOTICE,
    Outcome.DEVICE_NOT_FOUND,
}
TABLES: dict[str, tuple[Any, Any]] = {
    "v1": (v1.ASSIGN_LABELS, v1.REMOVE_LABELS),
    "v2": (v2.LABELS, v2.LABELS),
    "v3": (v3.ASSIGN_LABELS, v3.REMOVE_LABELS),
}
GOOD = {Outcome.ASSIGNED, Outcome.PREEXISTING, Outcome.REMOVED}
STATUS = {
    "v1": ("LicenseAssignSuccess", "LicenseAssignFailed", "LicenseRemoveSuccess", "LicenseRemoveFailed"),
    "v2": ("Success", "Failure", "Success", "Failure"),
    "v3": ("LicenseAssignSuccess", "LicenseAssignFailure", "LicenseRemoveSuccess", "LicenseRemoveFailure"),
}


def test_assign_and_remove_have_all_outcomes_between_them() -> None:
    assert set(Outcome) == OF_ASSIGN | OF_REMOVE


@pytest.mark.parametrize("version", TABLES)
def test_a_version_has_a_status_and_a_reason_for_every_outcome(version: str) -> None:
    assign, remove = TABLES[version]
    assign_good, assign_bad, remove_good, remove_bad = STATUS[version]
    for outcome in OF_ASSIGN:
        status, reason = assign[outcome]
        assert status == (assign_good if outcome in GOOD else assign_bad)
        assert reason
    for outcome in OF_REMOVE:
        status, reason = remove[outcome]
        assert status == (remove_good if outcome in GOOD else remove_bad)
        assert reason


@pytest.mark.parametrize("outcome", Outcome)
def test_the_reasons_are_the_same_in_all_versions(outcome: Outcome) -> None:
    tables = [table for pair in TABLES.values() for table in pair]
    assert len({table[outcome][1] for table in tables if outcome in table}) == 1


def test_every_error_code_has_a_message_and_no_placeholder_is_left() -> None:
    possible = set(ErrorCode) - {ErrorCode.NOT_EMULATED}  # of Connectivity Management only
    assert MESSAGES.keys() | GATEWAY_ERRORS == possible
    for code in possible:
        answer = error_response(RequestRejected(code, "{NAME}"), "/fota/v1", 2)
        body = json.loads(answer.body)
        if code in GATEWAY_ERRORS:
            assert answer.status == (429 if code is ErrorCode.RATE_LIMITED else 401)
            assert set(body) == {"fault"}
        else:
            assert answer.status in (400, 409, 413, 415, 422, 500, 503)
            assert list(body)[:2] == ["errorCode", "errorMessage"]
            assert ("invalidDevices" in body) == (code is ErrorCode.DEVICE_ID_INVALID)
            assert "{detail}" not in body["errorMessage"]
        assert ((b"retry-after", b"2") in answer.headers) == (answer.status in (409, 429, 503))


@pytest.mark.parametrize(
    "code",
    [
        *(code for code in ErrorCode if code.name.startswith(("BEARER", "SESSION", "LOGIN", "BODY"))),
        ErrorCode.BUSY,
        ErrorCode.STORE_UNAVAILABLE,
        ErrorCode.INTERNAL,
    ],
)
def test_sign_in_has_a_message_for_every_error_code_that_it_can_get(code: ErrorCode) -> None:
    answer = connectivity_error(RequestRejected(code), 2)
    body = json.loads(answer.body)
    assert "fault" in body or body["errorCode"].startswith("UnifiedWebService.")


DOCUMENTED = {
    "Device list is empty",
    "Inactive account",
    "Index exceeds number of devices in list",
    "Input binding error",
    "Invalid account name format",
    "Invalid device id format",
    "Invalid index value",
    "LastSeenDeviceId Not Valid",
}
"""The messages of the vendor's page that license operations can need (facts, section 8.1)."""


def test_the_documented_messages_are_quoted_exactly() -> None:
    assert set(MESSAGES.values()) >= DOCUMENTED
