"""Rows of the tables of operations: what follows from the handler, and what every row must have."""

from __future__ import annotations

import re

import pytest

from fotapool.device.operations import OPERATIONS as DEVICE_OPERATIONS
from fotapool.domain.identity import Role
from fotapool.operator_api.accounts.accounts import AccountView, NewAccount
from fotapool.operator_api.routes import EMULATOR_OPERATIONS, OPERATIONS
from fotapool.web.operations import Operation

ALL = [*OPERATIONS, *EMULATOR_OPERATIONS, *DEVICE_OPERATIONS]


def row(name: str) -> Operation:
    return next(operation for operation in ALL if operation.name == name)


def test_name_summary_body_answer_status_and_role_follow_from_handler_and_method() -> None:
    created = row("create_account")
    assert (created.name, created.summary) == ("create_account", "Create an account")
    assert (created.body, created.request, created.response) == (NewAccount, NewAccount, AccountView)
    assert (created.success_status, created.needed_role) == (201, Role.EDITOR)
    assert (row("read_account").success_status, row("read_account").needed_role) == (200, Role.VIEWER)
    assert (row("delete_user").success_status, row("delete_user").needed_role) == (204, Role.ADMIN)


def test_a_handler_that_streams_names_its_types_in_the_row() -> None:
    imported = row("import_devices")
    assert imported.body is None
    assert imported.request is not None
    assert imported.success_status == 200


@pytest.mark.parametrize("operation", ALL, ids=lambda operation: operation.name)
def test_every_row_has_a_summary_and_only_parameters_that_its_path_has(operation: Operation) -> None:
    assert operation.summary
    in_path = re.findall(r"{(\w+)}", operation.path)
    assert {one.name for one in operation.parameters if one.location == "path"} <= set(in_path)
    assert all(one.description for one in operation.parameters if one.location != "path")
