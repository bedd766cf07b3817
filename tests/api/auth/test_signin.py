"""Sign-in: bearer tokens, sessions, passwords and the lock-out, by the test clock."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from api.conftest import FOREIGN, STRANGER
from fotapool.store.db.schema import TABLE_NAMES
from fotapool.store.identity import sessions as store
from support.helpers import ACCOUNT, KEY, NOW_MS, OPERATOR, PASSWORD, SECRET, USER, Api, devices

TOKEN, REVOKE = "/api/ts/v1/oauth2/token", "/api/ts/v1/oauth2/revoke"
LOGIN, LOGOUT = "/api/m2m/v1/session/login", "/api/m2m/v1/session/logout"
RESET = "/api/m2m/v1/session/password/actions/reset"
GRANT = {"grant_type": "client_credentials"}
NO_BEARER = (401, "bearer token missing")
NOT_LOGGED_IN = "UnifiedWebService.INPUT_INVALID.Password.Invalid"


def status(api: Api, bearer: str | None = None, session: str | None = None) -> tuple[int, str | None]:
    """What a documented call answers to these tokens, and why."""
    headers = {"Authorization": f"Bearer {bearer or api.bearer}", "VZ-M2M-Token": session or api.session}
    response = api.http.get(f"/api/fota/v3/licenses/{ACCOUNT}", headers=headers)
    return response.status_code, response.headers.get("x-fotapool-auth")


GOOD = (200, None)
EXPIRED = (401, "bearer token not known, expired or revoked (expired)")
REVOKED = (401, "bearer token not known, expired or revoked (revoked)")
IDLE = (400, "session idle for too long")
ENDED = (400, "session token not known")


def code(response: httpx.Response) -> str:
    assert response.status_code == 400
    error: str = response.json()["errorCode"]
    return error


def second_client(api: Api, secret: str = "second-secret") -> str:
    api.control("POST", "/clients", {"key": "second", "secret": secret})
    token: str = api.get_bearer("second", secret).json()["access_token"]
    return token


def new_user(api: Api, name: str, account: str = ACCOUNT) -> Api:
    """A user of its own for a test on the shared server, logged in."""
    user = {"username": name, "password": PASSWORD, "accounts": [account]}
    assert api.control("POST", "/users", user).status_code == 201
    own = Api(api.http, api.server)
    own.bearer = api.bearer
    own.session = api.log_in(name).json()["sessionToken"]
    return own


# Bearer tokens


def test_a_client_gets_the_same_token_within_its_hour_and_then_a_new_one(api: Api) -> None:
    first = api.get_bearer()
    assert first.status_code == 200
    assert list(first.json()) == ["access_token", "scope", "token_type", "expires_in"]
    assert (first.json()["token_type"], first.json()["expires_in"]) == ("Bearer", 3600)
    assert first.headers["cache-control"] == "no-store"
    api.advance("PT59M59.001S")
    again = api.get_bearer().json()
    assert (again["access_token"], again["expires_in"]) == (first.json()["access_token"], 0)
    api.session = api.log_in().json()["sessionToken"]
    assert status(api) == GOOD
    api.advance("PT0.999S")
    assert status(api) == EXPIRED
    new = api.get_bearer().json()
    assert new["access_token"] != first.json()["access_token"]
    assert new["expires_in"] == 3600
    assert status(api, new["access_token"]) == GOOD


def test_expires_in_shrinks_because_the_hour_runs_from_first_issue(api: Api) -> None:
    api.advance("PT10M")
    assert api.get_bearer().json()["expires_in"] == 3000
    api.advance("PT30M0.5S")
    assert api.get_bearer().json()["expires_in"] == 1199


def test_a_revoked_token_is_dead_comes_back_in_a_header_and_makes_the_next_one_new(api: Api) -> None:
    old, other = api.bearer, second_client(api)
    response = api.http.post(REVOKE, auth=(KEY, SECRET), data={**GRANT, "token": old})
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["RevokedAccessToken"] == old
    assert status(api, old) == REVOKED
    assert status(api, other) == GOOD
    new = api.get_bearer().json()["access_token"]
    assert new != old
    assert api.get_bearer().json()["access_token"] == new
    assert status(api, new) == GOOD


def test_a_client_cannot_revoke_the_token_of_another(api: Api) -> None:
    second_client(api)
    response = api.http.post(REVOKE, auth=("second", "second-secret"), data={"token": api.bearer})
    assert response.status_code == 200  # as RFC 7009 has it: the answer does not tell whose a token is
    assert status(api) == GOOD


def test_revoking_what_is_no_token_changes_nothing(shared: Api) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for token in ("unknown", "%01%1b%7f", "%C3%A9%0D%0AX-Injected:1", "a" * 60_000, "+"):
        response = shared.http.post(REVOKE, auth=(KEY, SECRET), content=f"token={token}", headers=headers)
        assert (response.status_code, response.content) == (200, b"")
        assert "x-injected" not in response.headers
        assert len(response.headers["RevokedAccessToken"]) <= 200
    assert status(shared) == GOOD


def test_a_token_request_without_the_right_grant_type(shared: Api) -> None:
    missing = {"error": "invalid_request", "error_description": "Missing grant_type parameter value"}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    forms = {"": missing, "grant_type=": missing, "{}": missing, "\u00ff\x00": missing}
    unsupported = {"error": "unsupported_grant_type"}
    forms |= {"grant_type=password": unsupported, "grant_type=CLIENT_CREDENTIALS": unsupported}
    for form, error in forms.items():
        response = shared.http.post(TOKEN, auth=(KEY, SECRET), content=form.encode("latin-1"), headers=headers)
        assert (response.status_code, response.json()) == (400, error)
        assert response.headers["content-type"] == "application/json"


def test_the_form_may_be_the_query_of_a_request_without_a_body(shared: Api) -> None:
    """Three of nineteen families of public clients send the grant type so."""
    for content in (b"", b" \r\n"):
        given = shared.http.post(f"{TOKEN}?grant_type=client_credentials", auth=(KEY, SECRET), content=content)
        assert (given.status_code, given.json()["access_token"]) == (200, shared.bearer)
    wrong = shared.http.post(f"{TOKEN}?grant_type=password", auth=(KEY, SECRET))
    assert (wrong.status_code, wrong.json()) == (400, {"error": "unsupported_grant_type"})
    both = shared.http.post(f"{TOKEN}?grant_type=client_credentials", auth=(KEY, SECRET), data={"grant_type": "x"})
    assert (both.status_code, both.json()) == (400, {"error": "unsupported_grant_type"}), "a body comes first"
    revoked = shared.http.post(f"{REVOKE}?token=unknown", auth=(KEY, SECRET))
    assert (revoked.status_code, revoked.headers["RevokedAccessToken"]) == (200, "unknown")


def test_a_revocation_without_a_token(shared: Api) -> None:
    response = shared.http.post(REVOKE, auth=(KEY, SECRET), data=GRANT)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def basic(text: str | bytes) -> str:
    return "Basic " + base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


WRONG_PAIRS = [
    (KEY, "wrong"),
    (KEY, ""),
    (KEY, SECRET.upper()),
    (KEY, SECRET + "\x00"),
    (KEY, "x" * 40_000),
    ("nobody", SECRET),
    ("", ""),
    ("a\x00", SECRET),
    ("k" * 40_000, SECRET),
    ("\ud7ff\u0661", "p\u00e4ss"),
    ("demo%2Dkey%00", SECRET),
]


@pytest.mark.parametrize("path", [TOKEN, REVOKE])
def test_a_wrong_key_or_secret_is_an_invalid_client(shared: Api, path: str) -> None:
    for key, secret in WRONG_PAIRS:
        headers = {"Authorization": basic(f"{key}:{secret}")}
        response = shared.http.post(path, headers=headers, data={**GRANT, "token": shared.bearer})
        assert (response.status_code, response.json()) == (401, {"error": "invalid_client"}), (key, secret)
        assert response.headers["www-authenticate"] == "Basic"
    assert status(shared) == GOOD


@pytest.mark.parametrize("path", [TOKEN, REVOKE])
def test_without_a_basic_header_the_gateway_answers(shared: Api, path: str) -> None:
    for header in (None, "Basic", "Basic !!", basic("nocolon"), basic(b"\xff:\xff"), f"Bearer {shared.bearer}"):
        headers = {"Authorization": header} if header else {}
        response = shared.http.post(path, headers=headers, data=GRANT)
        assert response.status_code == 401
        fault = response.json()["fault"]
        assert (fault["code"], fault["message"]) == ("900902", "Missing Credentials")
        assert '"Authorization: Basic ACCESS_TOKEN"' in fault["description"]


def test_secrets_and_passwords_may_be_any_text(shared: Api) -> None:
    texts = ["col:on", "p\u00e4ssw\u00f6rd \u6f22\u5b57 \U0001f511", "50%25 + 50%", "x" * 1000, " ", "'\"\\<>&"]
    for number, text in enumerate(texts):
        key, name = f"key-{number}", f"\u00fcser {number}"
        assert shared.control("POST", "/clients", {"key": key, "secret": text}).status_code == 201
        user = {"username": name, "password": text, "accounts": [ACCOUNT]}
        assert shared.control("POST", "/users", user).status_code == 201
        bearer = shared.http.post(TOKEN, headers={"Authorization": basic(f"{key}:{text}")}, data=GRANT)
        session = shared.log_in(name, text)
        assert status(shared, bearer.json()["access_token"], session.json()["sessionToken"]) == GOOD
        assert code(shared.log_in(name, text + "x")) == NOT_LOGGED_IN


def test_key_and_secret_may_be_percent_encoded_as_the_standard_has_it(shared: Api) -> None:
    shared.control("POST", "/clients", {"key": "a-key", "secret": "col:on %41"})
    plain = shared.http.post(TOKEN, headers={"Authorization": basic("a-key:col:on %41")}, data=GRANT)
    encoded = shared.http.post(TOKEN, headers={"Authorization": basic("a%2Dkey:col%3Aon%20%2541")}, data=GRANT)
    assert encoded.json()["access_token"] == plain.json()["access_token"]


def test_a_secret_that_could_not_be_used_cannot_be_made(shared: Api) -> None:
    for secret in ("", "a\x00b", "x" * 1001):
        assert shared.control("POST", "/clients", {"key": "k", "secret": secret}).status_code == 400
        assert shared.control("POST", "/users", {"username": "u", "password": secret}).status_code == 400


# Sessions


def test_login_needs_the_bearer_token_only_and_answers_a_guid(shared: Api) -> None:
    response = shared.log_in()
    assert list(response.json()) == ["sessionToken"]
    assert str(uuid.UUID(response.json()["sessionToken"])) == response.json()["sessionToken"]
    assert response.json()["sessionToken"] != shared.session
    assert status(shared) == GOOD  # a second session does not end the first


def test_logout_ends_the_session_and_answers_its_token(shared: Api) -> None:
    own = new_user(shared, "leaver")
    other = shared.log_in("leaver").json()["sessionToken"]
    response = own.http.post(LOGOUT, headers=own.tokens)
    assert (response.status_code, response.json()) == (200, {"sessionToken": own.session})
    assert status(own) == ENDED
    assert status(own, session=other) == GOOD
    assert code(shared.http.post(LOGOUT, headers=own.tokens)) == "UnifiedWebService.INPUT_INVALID.SessionToken.Invalid"


def test_a_session_ends_after_exactly_20_idle_minutes_and_slides(api: Api) -> None:
    for _ in range(4):  # 80 minutes, so that the bearer token has to be got again on the way
        api.advance("PT19M59.999S")
        api.bearer = api.get_bearer().json()["access_token"]
        assert status(api) == GOOD
    api.advance("PT20M")
    api.bearer = api.get_bearer().json()["access_token"]
    assert status(api) == IDLE
    assert status(api) == IDLE  # a refused request is no use of it
    response = api.http.post(LOGOUT, headers=api.tokens)
    assert code(response) == "UnifiedWebService.REQUEST_FAILED.SessionToken.Expired"


def test_only_accepted_requests_keep_a_session_alive(api: Api) -> None:
    api.advance("PT15M")
    assert status(api, bearer="wrong")[0] == 401
    assert status(api, session="wrong") == ENDED
    api.get_bearer()
    api.log_in()
    api.advance("PT5M")
    assert status(api) == IDLE


def test_a_request_that_is_rejected_for_its_content_keeps_a_session_alive(api: Api) -> None:
    api.advance("PT15M")
    assert api.call("POST", f"/v1/licenses/{ACCOUNT}/assign", {}).status_code == 400
    api.advance("PT15M")
    assert status(api) == GOOD


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite writes on the event loop itself
def test_a_use_counts_while_it_is_being_written(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    writing, go_on, authenticator = Event(), Event(), api.server.authenticator
    write = store.record_session_uses

    def write_slowly(*arguments: Any) -> None:
        writing.set()
        assert go_on.wait(120)
        write(*arguments)

    monkeypatch.setattr(store, "record_session_uses", write_slowly)
    with ThreadPoolExecutor(2) as pool:
        api.server.clock.move_to(NOW_MS + 19 * 60_000)  # type: ignore[attr-defined]
        first = pool.submit(status, api)
        assert writing.wait(120)
        api.server.clock.move_to(NOW_MS + 21 * 60_000)  # type: ignore[attr-defined]
        second = pool.submit(status, api)
        while not (authenticator._uses or second.done()):
            pass
        go_on.set()
        assert first.result() == second.result() == GOOD


def test_the_two_tokens_expire_independently(api: Api) -> None:
    api.advance("PT50M")
    assert status(api) == IDLE
    api.session = api.log_in().json()["sessionToken"]
    api.advance("PT10M")
    assert status(api) == EXPIRED
    api.bearer = api.get_bearer().json()["access_token"]
    assert status(api) == GOOD


@pytest.mark.parametrize(("method", "path"), [("POST", LOGIN), ("POST", LOGOUT), ("PUT", RESET)])
def test_every_session_call_needs_the_bearer_token_first(shared: Api, method: str, path: str) -> None:
    missing = shared.http.request(method, path, headers={"VZ-M2M-Token": shared.session})
    assert (missing.status_code, missing.headers["x-fotapool-auth"]) == NO_BEARER
    wrong = shared.http.request(method, path, headers={**shared.tokens, "Authorization": "Bearer x"})
    assert wrong.status_code == 401
    assert wrong.json()["fault"]["code"] == "900901"
    assert wrong.json()["fault"]["description"].startswith("Access failure for API: /m2m/v1, version: v1. Make sure")


@pytest.mark.parametrize(("method", "path"), [("POST", LOGOUT), ("PUT", RESET)])
@pytest.mark.parametrize(
    ("session", "error"),
    [
        (None, "UnifiedWebService.REQUEST_FAILED.SessionToken.Format"),
        ("", "UnifiedWebService.REQUEST_FAILED.SessionToken.Format"),
        ("no guid", "UnifiedWebService.INPUT_INVALID.SessionToken.Invalid"),
        ("bcce3ea6-fe4f-4952-bacf-eadd80718e83", "UnifiedWebService.INPUT_INVALID.SessionToken.Invalid"),
    ],
)
def test_logout_and_reset_need_a_session(shared: Api, method: str, path: str, session: str | None, error: str) -> None:
    headers = {"Authorization": f"Bearer {shared.bearer}"} | ({} if session is None else {"VZ-M2M-Token": session})
    response = shared.http.request(method, path, headers=headers, json={"oldPassword": PASSWORD})
    assert code(response) == error
    assert list(response.json()) == ["errorCode", "errorMessage"]
    assert response.headers["x-fotapool-auth"].startswith("session token ")


UNDEFINED, UNREADABLE = "UnifiedWebService.INPUT_INVALID.RequestUndefined", "UnifiedWebService.DeserializationFailed"
BAD_BODIES = {
    "nothing": (b"", UNDEFINED),
    "white space": (b" \n", UNDEFINED),
    "not JSON": (b"username=a", UNREADABLE),
    "another member": (b"{}", UNREADABLE),
    "a list": (b"[]", UNREADABLE),
    "not UTF-8": (b'{"\xff": 1}', UNREADABLE),
    "numbers": (b'{"username": 1, "password": 2, "oldPassword": 3}', UNREADABLE),
    "null": (b'{"username": "zbeeblebrox", "password": null, "oldPassword": null}', UNREADABLE),
    "half a surrogate pair": (b'{"username": "\\ud800", "password": "\\ud800", "oldPassword": "\\ud800"}', UNREADABLE),
    "brackets": (b"[" * 60_000, UNREADABLE),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_of_login_and_reset(shared: Api, name: str) -> None:
    body, error = BAD_BODIES[name]
    assert code(shared.http.post(LOGIN, headers=shared.tokens, content=body)) == error
    assert code(shared.http.put(RESET, headers=shared.tokens, content=body)) == error


def test_a_body_over_the_limit(shared: Api) -> None:
    for method, path in (("POST", LOGIN), ("PUT", RESET)):
        response = shared.http.request(method, path, headers=shared.tokens, content=b" " * 70_000)
        assert response.status_code == 413
        assert response.json()["errorCode"] == "UnifiedWebService.INPUT_INVALID.Request.TooLarge"


# Passwords and the lock-out


def reset(api: Api, old: str) -> httpx.Response:
    return api.http.put(RESET, headers=api.tokens, json={"oldPassword": old})


def test_a_reset_password_is_random_and_effective_at_once(shared: Api) -> None:
    own = new_user(shared, "resetter")
    response = reset(own, PASSWORD)
    assert (response.status_code, list(response.json())) == (200, ["newPassword"])
    new = response.json()["newPassword"]
    assert code(own.log_in("resetter", PASSWORD)) == NOT_LOGGED_IN
    assert own.log_in("resetter", new).status_code == 200
    assert code(reset(own, PASSWORD)) == NOT_LOGGED_IN
    newer = reset(own, new).json()["newPassword"]
    assert newer not in (new, PASSWORD)
    assert status(own) == GOOD


def test_of_resets_at_the_same_time_one_wins(shared: Api) -> None:
    own = new_user(shared, "hasty")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: reset(own, PASSWORD), range(4)))
    (won,) = (answer for answer in answers if answer.status_code == 200)
    assert own.log_in("hasty", won.json()["newPassword"]).status_code == 200


def test_whoever_does_not_exist_is_rejected_like_a_wrong_password(shared: Api) -> None:
    new_user(shared, "existing")
    wrong = shared.log_in("existing", "wrong")
    pairs = [(name, PASSWORD) for name in ("nobody", "", "a\x00b", "u" * 60_000, "\u2028", "EXISTING")]
    pairs += [("existing", password) for password in ("", PASSWORD + "\x00", "p" * 60_000)]
    for username, password in pairs:
        response = shared.log_in(username, password)
        assert (response.status_code, response.json()) == (wrong.status_code, wrong.json())


def test_five_failures_in_a_row_lock_the_user_until_an_operator_unlocks_it(api: Api) -> None:
    for _ in range(4):
        api.log_in(password="wrong")
    assert api.log_in().status_code == 200  # which starts the count again
    for _ in range(4):
        assert code(api.log_in(password="wrong")) == NOT_LOGGED_IN
    assert code(reset(api, "wrong")) == NOT_LOGGED_IN  # a failed reset counts too
    refused = api.log_in()
    assert code(refused) == NOT_LOGGED_IN
    assert refused.json() == api.log_in(password="wrong").json()
    assert code(reset(api, PASSWORD)) == NOT_LOGGED_IN
    assert status(api) == GOOD  # open sessions stay
    api.advance("PT12H")
    api.bearer = api.get_bearer().json()["access_token"]
    assert code(api.log_in()) == NOT_LOGGED_IN
    assert api.control("GET", "/users").json()["users"][0]["locked"] is True
    assert api.control("POST", f"/users/{USER}/unlock").status_code == 204
    assert api.log_in().status_code == 200


def test_one_user_s_failures_do_not_lock_another(shared: Api) -> None:
    new_user(shared, "clumsy")
    for _ in range(5):
        shared.log_in("clumsy", "wrong")
    assert code(shared.log_in("clumsy")) == NOT_LOGGED_IN
    assert shared.log_in().status_code == 200


def test_a_user_sees_its_own_accounts_only(shared: Api) -> None:
    theirs = shared.log_in(STRANGER).json()["sessionToken"]
    for session, seen in ((shared.session, ACCOUNT), (theirs, FOREIGN)):
        headers = {**shared.tokens, "VZ-M2M-Token": session}
        answers = {
            account: shared.http.get(f"/api/fota/v1/subscriptions/{account}", headers=headers).status_code
            for account in (ACCOUNT, FOREIGN)
        }
        assert answers == {account: 200 if account == seen else 400 for account in (ACCOUNT, FOREIGN)}


def test_a_deleted_user_or_client_is_out_at_once(shared: Api) -> None:
    own, bearer = new_user(shared, "deleted"), second_client(shared)
    assert status(own, bearer) == GOOD
    shared.control("DELETE", "/clients/second")
    assert status(own, bearer) == (401, "bearer token not known, expired or revoked (unknown)")
    assert status(own) == GOOD
    shared.control("DELETE", "/users/deleted")
    assert status(own) == ENDED
    assert code(shared.log_in("deleted")) == NOT_LOGGED_IN


# What is stored, and who shares it


def stored(api: Api, tmp_path: Path) -> bytes:
    """All that the database holds: every column of every table, and SQLite's files as they are."""
    connection = api.server.database.connect()
    rows: list[Any] = [row for table in TABLE_NAMES for row in connection.fetch(f"SELECT * FROM {table}")]
    connection.close()
    values = [value for row in rows for value in row]
    texts = [bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode() for value in values]
    return b"\n".join([*texts, *(path.read_bytes() for path in tmp_path.glob("test.db*"))])


def test_no_secret_and_no_token_is_in_the_database_in_clear(api: Api, tmp_path: Path) -> None:
    made = [
        second_client(api, "second-secret"),
        api.control("POST", "/operators", {"name": "ford"}).json()["key"],
        api.control("POST", "/clients", {}).json()["secret"],
        api.control("POST", "/users", {"username": "trillian"}).json()["password"],
        reset(api, PASSWORD).json()["newPassword"],
    ]
    status(api)
    found = stored(api, tmp_path)
    assert USER.encode() in found  # so that the search is known to find something
    for secret in (SECRET, PASSWORD, OPERATOR, "second-secret", api.bearer, api.session, *made):
        assert secret.encode() not in found
    for token in (base64.urlsafe_b64decode(api.bearer), uuid.UUID(api.session).bytes):
        assert token not in found


def test_servers_on_one_database_share_sign_ins(start: Callable[..., Api]) -> None:
    one = start()
    two = start(seed=None)
    two.bearer, two.session = one.bearer, one.session
    assert status(two) == GOOD
    assert two.get_bearer().json()["access_token"] == one.bearer
    one.http.post(LOGOUT, headers=one.tokens)
    assert status(two) == ENDED
    two.session = two.log_in().json()["sessionToken"]
    assert status(one, session=two.session) == GOOD
    two.http.post(REVOKE, auth=(KEY, SECRET), data={"token": one.bearer})
    assert status(one, session=two.session) == REVOKED
    for server in (one, two, one, two, one):
        server.bearer = server.get_bearer().json()["access_token"]
        server.log_in(password="wrong")
    assert code(two.log_in()) == NOT_LOGGED_IN


def test_a_change_by_a_session_that_ended_elsewhere_is_rejected_for_it_whatever_its_body(
    start: Callable[..., Api],
) -> None:
    here, there = start(), start(seed=None)
    assign = f"/v3/licenses/{ACCOUNT}/assign"
    here.assign(0)  # from now on this server remembers the sign-in
    for body in ({"deviceList": devices(1)}, {"deviceList": []}, {"deviceList": ["x"]}):
        here.session = here.log_in().json()["sessionToken"]
        here.assign(0)
        assert there.http.post(LOGOUT, headers=here.tokens).status_code == 200
        answer = here.call("POST", assign, body)
        assert answer.headers["x-fotapool-auth"] == ENDED[1]
    assert here.pool()["licenseUsedCount"] == 1


def test_a_session_s_use_is_known_to_the_other_servers(start: Callable[..., Api]) -> None:
    one = start()
    two = start(seed=None)
    one.advance("PT19M")
    assert status(one) == GOOD
    two.advance("PT25M")
    assert status(two, bearer=one.bearer, session=one.session) == GOOD


def test_a_suspension_counts_at_once_on_every_server(start: Callable[..., Api]) -> None:
    one = start()
    two = start(seed=None)
    two.bearer, two.session = one.bearer, one.session
    for state, seen in (("suspended", 400), ("active", 200), ("suspended", 400)):
        assert one.control("PUT", f"/accounts/{ACCOUNT}/status", {"status": state}).status_code == 200
        assert [status(server)[0] for server in (one, two, two, one)] == [seen] * 4
