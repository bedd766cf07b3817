"""The operator API: who is signed in, since when and from where; ending one sign-in, and all of a person."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from support.helpers import ACCOUNT, KEY, OPERATOR, USER, Api
from support.processes import NO_AUTHORITIES

LOCAL = "127.0.0.1"


def sessions(api: Api, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.control("GET", "/sessions", params=query).json()["sessions"]
    return found


def status(api: Api) -> int:
    return api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code


def test_a_user_s_sessions_are_listed_with_their_last_use_and_one_is_ended(api: Api) -> None:
    kept = api.session
    api.advance("PT10M")
    api.session = api.log_in().json()["sessionToken"]
    newest, oldest = sessions(api)
    assert (newest["kind"], newest["name"], newest["address"]) == ("user", USER, LOCAL)
    assert newest["createTime"] == newest["lastUseTime"] == "2026-03-10T12:10:00.000Z"
    assert (newest["expireTime"], oldest["expireTime"]) == ("2026-03-10T12:30:00.000Z", "2026-03-10T12:20:00.000Z")
    assert oldest["createTime"] == "2026-03-10T12:00:00.000Z"
    assert status(api) == 200
    assert api.control("DELETE", f"/sessions/{newest['id']}").status_code == 204
    assert status(api) == 400
    assert api.control("DELETE", f"/sessions/{newest['id']}").status_code == 404
    api.session = kept
    assert status(api) == 200
    api.advance("PT20M")
    assert sessions(api) == []


def test_a_client_s_token_is_listed_and_ended_with_all_of_the_client(api: Api) -> None:
    (token,) = sessions(api, kind="client")
    assert (token["name"], token["lastUseTime"], token["address"]) == (KEY, None, LOCAL)
    assert token["expireTime"] == "2026-03-10T13:00:00.000Z"
    assert status(api) == 200
    assert api.control("POST", "/sessions/end", {"kind": "client", "name": KEY}).json() == {"ended": 1}
    assert status(api) == 401
    assert sessions(api, kind="client") == []
    api.sign_in()
    (token,) = sessions(api, kind="client", name=KEY)
    assert api.control("DELETE", f"/sessions/{token['id']}").status_code == 204
    assert status(api) == 401


def test_an_operator_s_console_session_is_ended(api: Api) -> None:
    key = api.control("POST", "/operators", {"name": "one"}).json()["key"]
    with httpx.Client(base_url=str(api.http.base_url), timeout=300, verify=NO_AUTHORITIES) as browser:
        for ending in ("one", "all"):
            assert browser.post("/console/sign-in", data={"key": key}).status_code == 303
            (session,) = sessions(api, kind="console")
            assert (session["name"], session["address"]) == ("one", LOCAL)
            assert session["createTime"] < session["expireTime"]
            if ending == "one":
                assert api.control("DELETE", f"/sessions/{session['id']}").status_code == 204
            else:
                ended = api.control("POST", "/sessions/end", {"kind": "console", "name": "one"})
                assert ended.json() == {"ended": 1}
            assert browser.get("/console/pools").status_code == 303


def test_all_sessions_of_a_user_end_and_those_of_others_stay(api: Api) -> None:
    api.control("POST", "/users", {"username": "ford", "password": "towel", "accounts": [ACCOUNT]})
    for _ in range(3):
        assert api.log_in("ford", "towel").status_code == 200
    assert [len(sessions(api, name=name)) for name in ("ford", USER, "nobody")] == [3, 1, 0]
    assert api.control("POST", "/sessions/end", {"kind": "user", "name": "ford"}).json() == {"ended": 3}
    assert [len(sessions(api, name=name)) for name in ("ford", USER)] == [0, 1]
    assert status(api) == 200
    (entry,) = api.control("GET", "/audit-log?action=endSessions").json()["entries"]
    assert (entry["targetKind"], entry["target"], entry["after"]) == ("user", "ford", {"endedSessions": 3})


def test_the_list_comes_in_pages(api: Api) -> None:
    for _ in range(4):
        api.log_in()
    whole = [one["id"] for one in sessions(api, kind="user")]
    assert len(set(whole)) == 5
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2, "name": USER}
    for more in (True, True, False):
        page = api.control("GET", "/sessions", params=query).json()
        assert page["hasMoreData"] is more
        found += [one["id"] for one in page["sessions"]]
        query["after"] = page["sessions"][-1]["cursor"]
    assert found == whole


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "/sessions?kind=robot", None, 400, "kind must be"),
        ("GET", "/sessions?after=x", None, 400, "after must be the cursor"),
        ("DELETE", "/sessions/user-0000000000000000", None, 404, "does not exist, or has ended"),
        ("DELETE", "/sessions/%00", None, 404, "does not exist"),
        ("POST", "/sessions/end", {"kind": "user", "name": ""}, 404, "nobody has this name"),
        ("POST", "/sessions/end", {"kind": "user"}, 400, "`name`"),
    ],
)
def test_what_does_not_exist_is_refused(
    shared: Api, method: str, path: str, body: Any, status: int, words: str
) -> None:
    response = shared.control(method, path, body)
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert words in response.json()["detail"]


def test_no_token_is_in_the_list_and_only_admins_end_sessions(api: Api) -> None:
    texts = "".join(api.control("GET", f"/sessions?kind={kind}").text for kind in ("user", "client", "console"))
    for secret in (api.session, api.bearer, OPERATOR):
        assert secret not in texts
    key = api.control("POST", "/operators", {"name": "guest", "role": "editor"}).json()["key"]
    guest = {"Authorization": f"Bearer {key}"}
    (session,) = api.control("GET", "/sessions", headers=guest).json()["sessions"]
    assert api.control("DELETE", f"/sessions/{session['id']}", headers=guest).status_code == 403
    assert api.control("POST", "/sessions/end", {"kind": "user", "name": USER}, headers=guest).status_code == 403
