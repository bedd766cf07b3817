"""Parameters: what they read, what they reject, and the schema that says so."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.requests import Request

from fotapool.domain.errors import Invalid, NotFound
from fotapool.web.parameters import (
    AFTER_NAME,
    LIMIT,
    Parameter,
    account_parameter,
    choice_parameter,
    device_parameter,
    flag_parameter,
    id_in_path,
    int_parameter,
)

STATE = choice_parameter("state", "", {"open": 1, "closed": 2, "gone": 3})
DEVICE = device_parameter("deviceId")
ACCOUNT = account_parameter("account")
STATUS = int_parameter("status", "", minimum=100, maximum=599)
PREVIEW = flag_parameter("preview", "")
NUMBER = id_in_path("id", "delivery")


def request(query: str = "", path: dict[str, str] | None = None) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": [], "path_params": path or {}})


@pytest.mark.parametrize(
    ("parameter", "query", "value"),
    [
        (LIMIT, "", 100),
        (LIMIT, "limit=1000", 1000),
        (LIMIT, "limit=5&limit=7", 7),
        (AFTER_NAME, "", ""),
        (AFTER_NAME, "after=a%20b", "a b"),
        (STATE, "", None),
        (STATE, "state=closed", 2),
        (DEVICE, "deviceId=000000000000001", 1),
        (ACCOUNT, "account=0242078689-00001", "0242078689-00001"),
        (STATUS, "", None),
        (PREVIEW, "", False),
        (PREVIEW, "preview=true", True),
    ],
)
def test_a_parameter_reads_its_value_or_the_default(parameter: Parameter[Any], query: str, value: object) -> None:
    assert parameter.read(request(query)) == value


@pytest.mark.parametrize(
    ("parameter", "text", "message"),
    [
        (LIMIT, "0", "limit must be a whole number from 1 to 1000, not '0'"),
        (LIMIT, "", "limit must be a whole number"),
        (LIMIT, "²", "limit must be a whole number"),
        (STATUS, "9" * 30, "status must be a whole number from 100 to 599"),
        (AFTER_NAME, "a\x00", "after must not hold a NUL character"),
        (STATE, "Open", "state must be open, closed or gone"),
        (DEVICE, "1", "deviceId must be 15 digits"),
        (ACCOUNT, "-", "account must be the name of an account"),
        (PREVIEW, "1", "preview must be true or false"),
    ],
)
def test_a_malformed_value_is_rejected_with_the_name_of_the_parameter(
    parameter: Parameter[Any], text: str, message: str
) -> None:
    with pytest.raises(Invalid, match=re.escape(message)):
        parameter.check(text)


def test_an_id_that_is_no_number_does_not_exist() -> None:
    assert NUMBER.read(request(path={"id": "17"})) == 17
    for text in ("x", "-1", "1" * 19, "\u0661"):
        with pytest.raises(NotFound, match=r"delivery .* does not exist"):
            NUMBER.read(request(path={"id": text}))


def test_the_schema_follows_from_the_declaration() -> None:
    assert LIMIT.schema == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    assert "default" not in STATUS.schema
    assert STATE.schema == {"type": "string", "enum": ["open", "closed", "gone"]}
    assert PREVIEW.schema == {"type": "boolean", "default": False}
