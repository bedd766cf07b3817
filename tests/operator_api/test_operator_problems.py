"""Refusals of the operator API: the key, unknown paths and methods, limits, and a database that is gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fotapool.operator_api.routes import OPERATIONS
from fotapool.services.devices import imports
from fotapool.store.db.connection import StoreUnavailable
from support.helpers import ACCOUNT, OPERATOR, SEED, Api

CALLS = sorted({(operation.method, operation.path) for operation in OPERATIONS})


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", f"Basic {OPERATOR}", OPERATOR, f"Bearer {OPERATOR}x", "Bearer é"],
)
def test_a_wrong_or_missing_key_is_refused(shared: Api, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    response = shared.http.get("/control/v1/accounts", headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (401, "application/problem+json")
    assert response.headers["www-authenticate"].startswith("Bearer")
    body = response.json()
    assert (body["title"], body["status"]) == ("Unauthorized", 401)
    assert "Authorization: Bearer" in body["detail"]


def test_every_operation_asks_for_the_key_and_a_user_s_token_is_none(shared: Api) -> None:
    for method, path in CALLS:
        for authorization in ("Bearer wrong", f"Bearer {shared.bearer}"):
            response = shared.http.request(method, f"/control/v1{path}", headers={"Authorization": authorization})
            assert response.status_code == 401, (method, path)


def test_without_an_operator_key_nobody_is_an_operator(start: Callable[..., Api]) -> None:
    api = start(operator_key=None)
    assert api.http.get("/control/v1/accounts", headers={"Authorization": "Bearer None"}).status_code == 401


def test_the_scheme_is_read_in_any_case(shared: Api) -> None:
    assert shared.http.get("/control/v1/accounts", headers={"Authorization": f"bEARER  {OPERATOR}"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["", "/", "/nothing", "/nothing/", "/accounts//", "/accounts/a/b", "/%0A", "/accounts/%2F", "//accounts"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_a_problem(shared: Api, method: str, path: str) -> None:
    response = shared.control(method, path)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert response.json()["title"] == "Not Found"
    assert response.headers["x-request-id"]


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "PROPFIND"])
def test_a_method_that_a_resource_does_not_take_is_a_problem_with_those_it_takes(shared: Api, method: str) -> None:
    for path in {path for _, path in CALLS if (method, path) not in CALLS}:
        response = shared.control(method, path)
        assert (response.status_code, response.headers["content-type"]) == (405, "application/problem+json")
        assert response.headers["allow"] in response.json()["detail"]


def test_options_and_head_are_answered(shared: Api) -> None:
    options = shared.control("OPTIONS", "/accounts")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    head = shared.control("HEAD", "/accounts")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(shared.control("GET", "/accounts").content)


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_over_the_limit_is_a_problem(start: Callable[..., Api], chunked: bool) -> None:
    api = start(max_body_bytes=1000)
    body = b'{"name": "' + b"a" * 2000 + b'"}'
    response = api.control("POST", "/accounts", content=iter([body]) if chunked else body)
    assert (response.status_code, response.headers["content-type"]) == (413, "application/problem+json")


def test_a_database_that_does_not_answer_is_a_problem_with_a_time_to_retry(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise StoreUnavailable("gone")

    connection = api.server.database.connect()
    connection.close()
    monkeypatch.setattr(type(connection), "fetch", gone)
    monkeypatch.setattr(type(connection), "begin", gone)
    for method, path, body in (("GET", "/accounts", None), ("POST", "/accounts", {"name": "a"})):
        response = api.control(method, path, body)
        assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json")
        assert int(response.headers["retry-after"]) > 0
    path = f"/accounts/{ACCOUNT}/devices"
    assert api.control("POST", path, [{"deviceId": "490154203237518"}]).status_code == 503
    assert api.http.get("/health/ready").status_code == 503
    assert api.http.get("/health/live").status_code == 200
    assert "fotapool_database_up 0.0" in api.http.get("/metrics").text
    monkeypatch.undo()
    assert api.control("GET", "/accounts").status_code == 200
    assert api.http.get("/health/ready").status_code == 200


def test_a_database_that_goes_away_during_an_import_is_reported_with_what_was_kept(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = imports.import_devices
    calls = iter(range(10))

    async def fail_the_second_time(*arguments: object, **named: object) -> object:
        if next(calls):
            raise StoreUnavailable("gone")
        return await given(*arguments, **named)  # type: ignore[arg-type]

    for headers in ({}, {"Accept": "application/x-ndjson"}):
        calls = iter(range(10))
        monkeypatch.setattr(imports, "import_devices", fail_the_second_time)
        lines = "\n".join(f'{{"deviceId": "{number:015d}"}}' for number in range(5000))
        headers = {"Content-Type": "application/x-ndjson", **headers}
        response = api.control("POST", f"/accounts/{ACCOUNT}/devices", content=lines, headers=headers)
        assert "2000 devices before that were kept" in response.text
        assert response.status_code == (200 if "Accept" in headers else 503)


def test_a_fault_of_the_server_is_a_problem_without_its_details(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("fotapool.services.accounts.accounts.read_accounts", broken)
    response = api.control("GET", "/accounts")
    assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in response.text


def test_a_refused_change_leaves_its_neighbors_and_the_store_as_they_are(start: Callable[..., Api]) -> None:
    api = start(SEED)
    before = api.control("GET", "/accounts").json()
    api.control("POST", "/users", {"username": "a", "accounts": [ACCOUNT, "nobody"]})
    api.control("POST", "/accounts", {"name": ACCOUNT})
    assert api.control("GET", "/accounts").json() == before
    assert len(api.control("GET", "/users").json()["users"]) == 1
