"""The OpenAPI document: it is valid, describes the tables of operations, and the server does what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from openapi_spec_validator import validate

from fotapool.api.openapi.versions import APIS
from fotapool.app import build_openapi_document
from fotapool.cli.main import main
from fotapool.device.operations import BASE as DEVICE_BASE
from fotapool.device.operations import OPERATIONS as DEVICE_OPERATIONS
from fotapool.operator_api.calls import BASE as OPERATOR_BASE
from fotapool.operator_api.routes import OPERATIONS as OPERATOR_OPERATIONS
from support.helpers import ACCOUNT, KEY, OPERATOR, OTHER, PASSWORD, SECRET, USER, Api, device

EXAMPLES = int(os.environ.get("FOTAPOOL_TEST_EXAMPLES", "1"))
"""How many requests Schemathesis makes up for each operation and phase; raise it to search for longer."""
SEARCH_SEED = int(os.environ.get("FOTAPOOL_TEST_SEARCH_SEED", "1"))
METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
SIGN_IN = {
    ("post", "/api/ts/v1/oauth2/token"),
    ("post", "/api/ts/v1/oauth2/revoke"),
    ("post", "/api/m2m/v1/session/login"),
    ("post", "/api/m2m/v1/session/logout"),
    ("put", "/api/m2m/v1/session/password/actions/reset"),
}
EMULATOR = {
    ("get", "/control/v1/clock"),
    ("post", "/control/v1/clock"),
    ("post", "/control/v1/reset"),
    ("post", "/control/v1/seed"),
    ("get", "/control/v1/snapshot"),
    ("put", "/control/v1/snapshot"),
    ("post", "/control/v1/accounts/{name}/copies"),
    ("get", "/control/v1/accounts/{name}/fleet"),
    ("put", "/control/v1/accounts/{name}/fleet"),
    ("get", "/control/v1/faults"),
    ("post", "/control/v1/faults"),
    ("delete", "/control/v1/faults"),
    ("get", "/control/v1/faults/{id}"),
    ("delete", "/control/v1/faults/{id}"),
    ("get", "/control/v1/requests"),
    ("get", "/control/v1/requests/{number}"),
    ("delete", "/control/v1/requests"),
}
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ENDINGS = [
    "/control/v1/clock",
    "/control/v1/reset",
    "/control/v1/snapshot",
    "/api/ts/v1/oauth2/revoke",
    "/api/m2m/v1/session/logout",
    "/api/m2m/v1/session/password/actions/reset",
    "/control/v1/accounts/{name}/callbacks/signing",
    "/control/v1/accounts/{name}/device-keys",
    "/control/v1/accounts/{name}/closure",
    "/control/v1/users/{username}/password",
    "/control/v1/sessions/end",
    "/control/v1/sessions/{session}",
]
"""Operations that end the sign-in of all others, or move time; they are tried on a server of their own.

So are those for which an account that was just created has nothing to turn off, or no such device: a 404, but not the
account's.
"""
DOCUMENTS = ["/control/v1/seed", "/control/v1/reconciliation"]
"""Operations that read whole documents or files, whose rules a schema does not say."""
FAULTS = "/control/v1/faults"
"""Faults that are made up at random would be found, everywhere."""


def described(api: Api) -> set[tuple[str, str]]:
    paths = api.http.get("/openapi.json").json()["paths"]
    return {(method, path) for path, methods in paths.items() for method in methods if method in METHODS}


def in_the_tables() -> set[tuple[str, str]]:
    found = set(SIGN_IN)
    for version in APIS:
        for operation in version.OPERATIONS:
            found |= {(method.lower(), version.BASE + path) for method, path in operation.calls}
    found |= {(operation.method.lower(), DEVICE_BASE + operation.path) for operation in DEVICE_OPERATIONS}
    return found | {(operation.method.lower(), OPERATOR_BASE + operation.path) for operation in OPERATOR_OPERATIONS}


@ON_SQLITE
@pytest.mark.parametrize("emulator", [True, False])
def test_the_document_is_valid_openapi_and_each_operation_has_a_name_of_its_own(
    start: Callable[..., Api], emulator: bool
) -> None:
    document = start(emulator=emulator).http.get("/openapi.json").json()
    validate(document)
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))


@ON_SQLITE
def test_the_emulator_describes_every_operation_of_the_tables_and_nothing_else(api: Api) -> None:
    assert described(api) == in_the_tables() | EMULATOR


@ON_SQLITE
def test_serve_neither_describes_nor_has_what_only_the_emulator_has(start: Callable[..., Api]) -> None:
    api = start(emulator=False)
    assert described(api) == in_the_tables()
    for method, path in EMULATOR:
        response = api.control(method.upper(), path.removeprefix(OPERATOR_BASE))
        assert (response.status_code, response.json()["status"]) == (404, 404)


@ON_SQLITE
def test_every_described_operation_is_there_and_every_refusal_is_described(api: Api) -> None:
    document = api.http.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        allowed = api.http.options(path.replace("{", "").replace("}", "")).headers["allow"]
        for method, operation in methods.items():
            assert method.upper() in allowed
            assert {"401", "405", "413", "503"} <= set(operation["responses"]), (method, path)


NDJSON_HOOK = """
import schemathesis

@schemathesis.serializer("application/x-ndjson")
def serialize(context, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
"""


def configuration(api: Api) -> str:
    """What Schemathesis is told: the tokens, and the few things that the document cannot say."""
    key = api.control("POST", f"/accounts/{ACCOUNT}/device-keys", {"name": "schemathesis"}).json()["key"]
    accepted = '["2xx", "401", "404", "409", "422", "5xx"]'  # 422: an Idempotency-Key that was used before
    documented_400 = '["2xx", "400", "401", "404", "409", "422", "5xx"]'
    return f"""
continue-on-failure = true
hooks = "ndjson_hook.py"
[auth.openapi]
bearer = {{ bearer = "{api.bearer}" }}
session = {{ api_key = "{api.session}" }}
operator = {{ bearer = "{OPERATOR}" }}
device = {{ bearer = "{key}" }}
client = {{ username = "{KEY}", password = "{SECRET}" }}

# Of another account the API says 400, as of a malformed one: the vendor's documented answer. So the account is given.
[parameters]
"path.account" = "{ACCOUNT}"

[checks]
positive_data_acceptance.expected-statuses = {accepted}

# A cursor must be a device of the account, or a record of the list; any other number is a documented 400.
[[operations]]
include-path-regex = "^/api/fota/.*(licenses/.account.|/cancel|/index/.index.)$"
include-method = "GET"
checks.positive_data_acceptance.expected-statuses = {documented_400}

# Wrong names and passwords, and sessions that have ended, are documented 400s; a clock is not moved back. A snapshot
# must agree with itself.
[[operations]]
include-path-regex = "/session/|/clock$|/snapshot$"
checks.positive_data_acceptance.expected-statuses = {documented_400}

# An account that has event billing only, which Schemathesis may make it, takes no count but 0. A fleet has durations,
# and IMEIs that begin with its first one. A scheduled change is due in the future.
[[operations]]
include-path-regex = "/subscription$|/scheduled-changes|/fleet$"
checks.positive_data_acceptance.expected-statuses = {documented_400}

# A file's name and version exist once, which is a 400 like all refusals there; a package's content is not empty.
[[operations]]
include-path-regex = "^/api/fota/v2/files/|/content$"
checks.positive_data_acceptance.expected-statuses = {documented_400}

# Campaigns, dates, packages and devices that are well-formed and do not exist are documented 400s, as are states that
# do not allow what is asked. Two versions of a package must differ, which a schema can't say.
[[operations]]
include-path-regex = "^/api/fota/.*(/upgrades|/campaigns|/reports|/logging/|/devices|/async/)|^/control/v1/firmware$"
checks.positive_data_acceptance.expected-statuses = {documented_400}

# The sign-in in use must go on working, so these act on others.
[[operations]]
include-path-regex = "/users/.username."
parameters."path.username" = "another"
[[operations]]
include-path-regex = "/clients/.key."
parameters."path.key" = "another"
[[operations]]
include-path-regex = "/accounts/.name./status"
parameters."path.name" = "{OTHER}"
"""


def search(api: Api, directory: Path, *options: str) -> None:
    """Runs Schemathesis with all its checks, in a process of its own."""
    config = directory / "schemathesis.toml"
    config.write_text(configuration(api))
    (directory / "ndjson_hook.py").write_text(NDJSON_HOOK)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "--config-file",
            str(config),
            "run",
            f"{str(api.http.base_url).rstrip('/')}/openapi.json",
            "--checks",
            "all",
            "--seed",
            str(SEARCH_SEED),
            "--max-examples",
            str(EXAMPLES),
            "--no-shrink",
            "--warnings",
            "off",
            *options,
        ],
        cwd=directory,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-4_000:]


@ON_SQLITE
def test_schemathesis_finds_nothing_against_a_running_server(api: Api, tmp_path: Path) -> None:
    search(api, tmp_path, *(word for path in [*ENDINGS, *DOCUMENTS, FAULTS] for word in ("--exclude-path", path)))
    api.control("POST", f"/users/{USER}/unlock")  # whom wrong guesses at the password may have locked out
    assert api.log_in(USER, PASSWORD).status_code == 200
    assert api.assign(3)["deviceList"][0]["deviceId"] == device(3)


@ON_SQLITE
def test_schemathesis_finds_nothing_in_what_ends_a_sign_in_or_moves_time(api: Api, tmp_path: Path) -> None:
    search(api, tmp_path, *(word for path in ENDINGS for word in ("--include-path", path)))


@ON_SQLITE
def test_the_examples_of_the_document_are_accepted(api: Api) -> None:
    document: dict[str, Any] = api.http.get("/openapi.json").json()
    text = json.dumps(document)
    assert ACCOUNT in text
    path = f"/accounts/{ACCOUNT}/devices"
    body = document["paths"]["/control/v1/accounts/{name}/devices"]["post"]["requestBody"]["content"]
    for media_type, described_body in body.items():
        example = described_body["examples"]["one"]["value"]
        content = example if isinstance(example, str) else json.dumps(example)
        result = api.control("POST", path, headers={"Content-Type": media_type}, content=content).json()
        assert (result["kept"], result["failed"]) == (1, 0), result


def within(document: Any, part: Any, seen: set[str]) -> Iterator[dict[str, Any]]:
    """All schemas of a part of the document, also those that it refers to."""
    if isinstance(part, list):
        for one in part:
            yield from within(document, one, seen)
    if isinstance(part, dict):
        yield part
        name = part["$ref"].rsplit("/", 1)[-1] if "$ref" in part else ""
        if name and name not in seen:
            seen.add(name)
            yield from within(document, document["components"]["schemas"][name], seen)
        for one in part.values():
            yield from within(document, one, seen)


@pytest.mark.parametrize("emulator", [True, False])
def test_what_a_request_may_leave_out_is_optional_for_generators_of_types(emulator: bool) -> None:
    """openapi-typescript makes a member required that has a `default`."""
    document = build_openapi_document(emulator)
    bodies = [one.get("requestBody") for methods in document["paths"].values() for one in methods.values()]
    members = [schema["properties"] for schema in within(document, bodies, set()) if "properties" in schema]
    assert [name for one in members for name, schema in one.items() if "default" in schema] == []
    schemas = document["components"]["schemas"]
    assert schemas["ControlNewAccount"]["required"] == ["name"]
    assert schemas["ControlNewAccount"]["properties"]["licenseCount"]["description"] == "Default: 0."
    assert schemas["ScheduleFirmwareBody"]["required"] == ["firmwareName", "startDate", "endDate", "deviceList"]


def test_the_document_is_printed_without_a_server() -> None:
    for options, emulator in (([], True), (["--production"], False)):
        done = CliRunner().invoke(main, ["openapi", *options])
        assert (done.exit_code, json.loads(done.stdout)) == (0, build_openapi_document(emulator))
