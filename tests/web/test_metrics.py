"""What /metrics counts: requests of every API, rejections, failures to sign in, batches; with bounded labels."""

from __future__ import annotations

import random
import shutil
import string
import subprocess
from collections.abc import Callable

import pytest

from fotapool.api.v1 import routes as v1
from fotapool.api.v2 import routes as v2
from fotapool.api.v3 import routes as v3
from fotapool.console.app.routes import PAGES
from fotapool.core.telemetry import definitions
from fotapool.core.telemetry.exposition import as_text, counted_metrics
from fotapool.device import operations as device
from fotapool.domain.errors import ErrorCode
from fotapool.operator_api import routes as operator
from fotapool.web import metrics
from fotapool.web.observed import METHODS, OTHER, REASONS
from support.helpers import ACCOUNT, Api
from support.metrics import Scrape, scrape

REQUESTS = "fotapool_http_requests_total"
DURATIONS = "fotapool_http_request_duration_seconds_count"
NAMES = {
    definitions.UNKNOWN,
    *(one.name for version in (v1, v2, v3) for one in version.OPERATIONS),
    *(one.handle.__name__ for one in PAGES),
    *(one.name for one in (*operator.OPERATIONS, *operator.EMULATOR_OPERATIONS, *device.OPERATIONS)),
    *("issue_token", "revoke_token", "login", "logout", "reset"),
    *("live", "ready", "metrics", "home", "docs", "openapi"),
    *("first_page", "serve", "show", "sign_in", "sign_out"),
}


@pytest.fixture(autouse=True)
def _wait_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrape waits for a database that is slow because the machine is busy."""
    monkeypatch.setattr(metrics, "DATABASE_WITHIN_S", 120)


def counted(found: Scrape, plane: str, operation: str, method: str, status: int) -> float:
    return found.value(REQUESTS, plane=plane, operation=operation, method=method, status=str(status))


def test_requests_of_every_api_are_counted_by_operation_method_and_status(api: Api) -> None:
    before = scrape(api.http)
    assert counted(before, "sign-in", "issue_token", "POST", 200) == 1
    assert counted(before, "sign-in", "login", "POST", 200) == 1
    for version in (1, 2, 3):
        api.assign(0, version=version)
    api.call("HEAD", f"/v3/subscriptions/{ACCOUNT}")
    api.call("GET", "/v3/subscriptions/0000000000-00009")
    api.control("GET", "/accounts")
    api.control("GET", "/nothing")
    api.http.post("/device/v1/990000000000000/check-in", json={})
    api.http.get("/console/pools")
    api.http.get("/console")
    api.http.get("/health/live")
    found = scrape(api.http)
    for version in ("v1", "v2", "v3"):
        assert counted(found, version, "assign_licenses", "POST", 200) == 1
    assert counted(found, "v3", "get_subscription", "HEAD", 200) == 1
    assert found.value(REQUESTS, plane="v3", operation="get_subscription", method="GET") == 1
    assert counted(found, "operator", "list_accounts", "GET", 200) == 1
    assert counted(found, "operator", "unknown", "GET", 404) == 1
    assert counted(found, "device", "check_in", "POST", 401) == 1
    assert counted(found, "console", "show_accounts", "GET", 303) == 1
    assert counted(found, "console", "first_page", "GET", 303) == 1
    assert counted(found, "pages", "live", "GET", 200) >= 1
    assert counted(found, "pages", "metrics", "GET", 200) == 1
    assert found.value(REQUESTS) == found.value(DURATIONS)


def test_rejections_are_counted_by_error_code(api: Api) -> None:
    api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"deviceList": []})
    api.call("POST", f"/v3/licenses/{ACCOUNT}/assign", {"deviceList": ["12"]})
    api.http.get(f"/api/fota/v3/subscriptions/{ACCOUNT}")
    api.call("PATCH", f"/v3/subscriptions/{ACCOUNT}")
    api.http.get("/control/v1/accounts")
    api.control("GET", "/accounts/nobody")
    found = scrape(api.http)
    for reason in ("device_list_empty", "device_id_invalid", "bearer_missing", "method_not_allowed"):
        assert found.value("fotapool_refusals_total", reason=reason) == 1, reason
    assert found.value("fotapool_refusals_total", reason="unauthorized") == 1
    assert found.value("fotapool_refusals_total", reason="not_found") == 1
    assert found.value("fotapool_refusals_total") == 6


def test_wrong_passwords_secrets_and_operator_keys_are_failures_to_sign_in(api: Api) -> None:
    assert scrape(api.http).value("fotapool_sign_in_failures_total") == 0
    api.log_in(password="wrong")
    api.get_bearer(secret="wrong")
    api.http.get("/control/v1/accounts", headers={"Authorization": "Bearer wrong"})
    assert scrape(api.http).value("fotapool_sign_in_failures_total") == 3


def test_batches_are_counted_and_nothing_waits_after_them(api: Api) -> None:
    before = scrape(api.http)
    api.assign(0)
    api.assign(1)
    found = scrape(api.http)
    batches = "fotapool_writer_batch_commands_count"
    assert found.value(batches) - before.value(batches) >= 2
    assert found.value("fotapool_writer_batch_commands_sum") >= found.value(batches)
    assert found.value("fotapool_changes_waiting") == 0


def test_random_paths_and_methods_add_no_values_of_labels(api: Api) -> None:
    chance = random.Random(7)
    prefixes = ("/", "/api/", "/api/fota/v3/", "/api/fota/v9/", "/control/v1/", "/device/v1/", "/console/", "/health/")
    methods = ["GET", "POST", "PUT", "DELETE", "BREW", "PROPFIND", "X" * 40]
    for _ in range(300):
        word = "".join(chance.choices(string.ascii_letters + "/-_", k=chance.randint(1, 30)))
        api.http.request(chance.choice(methods), chance.choice(prefixes) + word)
    for _ in range(100):
        name = "".join(chance.choices(string.digits, k=10))
        api.call("GET", f"/v3/subscriptions/{name}-00001")
        api.control(chance.choice(methods), f"/accounts/{name}")
    found = scrape(api.http)
    assert found.values(REQUESTS, "plane") <= set(definitions.PLANES)
    assert found.values(REQUESTS, "operation") <= NAMES
    assert found.values(REQUESTS, "method") <= METHODS | {OTHER}
    assert found.values("fotapool_refusals_total", "reason") <= {
        *(code.name.lower() for code in ErrorCode),
        *REASONS.values(),
    }
    assert len(found.samples) < 1000


def test_every_metric_is_defined_and_every_definition_is_there(start: Callable[..., Api]) -> None:
    api = start(metrics_accounts=1)
    api.call("GET", "/v3/nothing")
    found = scrape(api.http)
    kinds = {one.name: one.kind.replace("untyped", "unknown") for one in definitions.DEFINITIONS}
    own = {name: kind for name, kind in found.types.items() if name.startswith("fotapool_")}
    assert own == {name.removesuffix("_total") if kind == "counter" else name: kind for name, kind in kinds.items()}
    for one in definitions.DEFINITIONS:
        for name, labels in found.samples:
            if name == one.name:
                assert {label for label, _ in labels} == set(one.labels)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_wrong(start: Callable[..., Api]) -> None:
    api = start(metrics_accounts=2)
    api.assign(0)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=api.http.get("/metrics").text, capture_output=True, text=True
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_accounts_are_shown_only_by_option_the_fullest_first_and_the_others_counted(start: Callable[..., Api]) -> None:
    account = {"purchaseType": "TS-HFOTA-MRC", "devices": []}
    numbers = (("empty", 9, 0), ("half", 4, 2), ("larger", 20, 10), ("full", 3, 3))
    seed = {
        "accounts": [
            {
                **account,
                "name": name,
                "licenseCount": total,
                "devices": [{"first": f"{place + 1}00000000000000", "count": 10, "licensed": used}],
            }
            for place, (name, total, used) in enumerate(numbers)
        ]
    }
    api = start(seed=seed, sign_in=False)
    assert "fotapool_account_licenses" not in api.http.get("/metrics").text
    found = scrape(start(seed=None, sign_in=False, metrics_accounts=3).http)
    name = "fotapool_account_licenses"
    assert found.values(name, "account") == {"full", "half", "larger"}
    assert found.value("fotapool_account_licenses_left_out") == 1
    shown = {kind: found.value(name, account="larger", kind=kind) for kind in found.values(name, "kind")}
    assert shown == {"total": 20, "used": 10, "free": 10, "under_notice": 0}
    assert found.value(name, account="full", kind="free") == 0
    assert found.value("fotapool_licenses_total") == 36
    assert found.value("fotapool_licenses_free") == 21


def test_closed_metrics_are_not_counted_either(start: Callable[..., Api]) -> None:
    api = start(close_metrics=True)
    assert api.http.get("/metrics").status_code == 404
    assert not Scrape(as_text(counted_metrics(api.server.metrics)).decode()).values(REQUESTS, "plane")
