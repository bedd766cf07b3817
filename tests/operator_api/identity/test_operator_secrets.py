"""The operator API: a client's secret is replaced, and the old one stays valid with its bearer token for a while."""

from __future__ import annotations

from typing import Any

from support.helpers import ACCOUNT, KEY, SECRET, Api

ROTATE = f"/clients/{KEY}/rotate"


def token(api: Api, secret: str) -> str | None:
    response = api.get_bearer(KEY, secret)
    return response.json()["access_token"] if response.status_code == 200 else None


def is_valid(api: Api, bearer: str | None) -> bool:
    assert bearer is not None
    api.bearer = bearer
    return api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 200


def rotate(api: Api, **body: Any) -> str:
    response = api.control("POST", ROTATE, body)
    assert response.status_code == 200, response.text
    secret: str = response.json()["secret"]
    return secret


def test_both_secrets_get_tokens_of_their_own_until_the_old_one_expires(api: Api) -> None:
    before = token(api, SECRET)
    new = rotate(api, overlap="PT10M")
    row = api.control("GET", "/clients").json()["clients"][0]
    assert row["oldSecret"] == {"expireTime": "2026-03-10T12:10:00.000Z", "lastTokenTime": row["createTime"]}
    assert row["lastTokenTime"] is None
    assert token(api, SECRET) == before
    of_new = token(api, new)
    assert of_new != before
    assert token(api, new) == of_new
    assert (is_valid(api, before), is_valid(api, of_new)) == (True, True)
    api.advance("PT10M")
    assert (token(api, SECRET), token(api, new)) == (None, of_new)
    assert (is_valid(api, before), is_valid(api, of_new)) == (True, True)
    row = api.control("GET", "/clients").json()["clients"][0]
    assert (row["oldSecret"], row["lastTokenTime"]) == (None, row["createTime"])


def test_an_old_secret_ends_at_once_with_its_token(api: Api) -> None:
    before = token(api, SECRET)
    second = rotate(api)
    of_second = token(api, second)
    assert rotate(api, secret="third-secret") == "third-secret"
    assert (token(api, SECRET), token(api, second)) == (None, of_second)
    assert (is_valid(api, before), is_valid(api, of_second)) == (False, True)
    of_third = token(api, "third-secret")
    fourth = rotate(api, overlap="PT0S")
    assert [token(api, secret) for secret in (second, "third-secret")] == [None, None]
    assert [is_valid(api, bearer) for bearer in (of_second, of_third)] == [False, False]
    assert is_valid(api, token(api, fourth))
    assert api.control("DELETE", f"/clients/{KEY}").status_code == 204
    assert token(api, fourth) is None


def test_a_secret_that_cannot_be_replaced_is_refused_and_none_is_in_the_audit_log(api: Api) -> None:
    secret = rotate(api, secret="given-secret-1")
    log = api.control("GET", "/audit-log?action=rotateClientSecret")
    assert secret not in log.text
    assert log.json()["entries"][0]["after"] == {"secret": "***", "oldSecretExpires": "2026-03-11T12:00:00.000Z"}
    for path, body, status in (
        ("/clients/nobody/rotate", {}, 404),
        ("/clients/%00/rotate", {}, 404),
        (ROTATE, {"overlap": "P91D"}, 400),
        (ROTATE, {"secret": ""}, 400),
        (ROTATE, {"secret": "%41"}, 400),
        (ROTATE, {"key": "x"}, 400),
    ):
        assert api.control("POST", path, body).status_code == status, (path, body)
    assert token(api, secret) is not None
