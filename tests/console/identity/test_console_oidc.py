"""Sign-in through an OpenID provider: people get a session with the role of a claim, and nobody else does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from console_helpers import Browser, new_client, words_of
from forged_issuer import CLIENT, ForgedIssuer, unsigned
from joserfc.jwk import ECKey, OctKey

from support.helpers import OPERATOR, Api
from support.metrics import scrape
from support.processes import wait_until

BEGIN = "/console/sign-in/provider"
ROLES = {"oidc_viewer": ("fota-viewers",), "oidc_editor": ("fota-editors",), "oidc_admin": ("fota-admins",)}
REFUSED, FAILED = 403, 502


def start_with(start: Callable[..., Api], issuer: str, **settings: Any) -> Api:
    """A server whose people sign in at this issuer."""
    return start(**{"oidc_issuer": issuer, "oidc_client_id": CLIENT, "oidc_name": "Example", **ROLES, **settings})


def go_to_provider(http: httpx.Client, next_path: str = "/console/access", prefix: str = "") -> str:
    """Begins a sign-in; the URL that the browser is sent to."""
    response = http.get(prefix + BEGIN, params={"next": next_path})
    assert response.status_code == 303, words_of(response.text)
    return response.headers["location"]


def come_back(http: httpx.Client, provider_url: str, person: str | None = None) -> httpx.Response:
    """What the server answers to the browser that the provider sends back."""
    method, form = ("GET", None) if person is None else ("POST", {"sub": person})
    answer = httpx.request(method, provider_url, data=form, timeout=60)
    assert answer.is_redirect, answer.text
    return http.get(answer.headers["location"])


def sign_in(http: httpx.Client, person: str | None = None, next_path: str = "/console/access") -> httpx.Response:
    return come_back(http, go_to_provider(http, next_path), person)


def entries_of(api: Api, action: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.control("GET", "/audit-log", params={"action": action}).json()["entries"]
    return found


def failures(api: Api) -> float:
    return scrape(api.http).value("fotapool_sign_in_failures_total")


def test_a_person_signs_in_at_a_real_provider_and_acts_under_their_name(
    start: Callable[..., Api], provider: str, client_secret: str
) -> None:
    api = start_with(start, provider, oidc_client_secret_file=client_secret)
    http = new_client(api)
    page = http.get("/console/overview", follow_redirects=True)
    assert "Sign in with Example" in words_of(page.text)
    assert "Operator key" in words_of(page.text)
    link = re.search(r'href="(/console/sign-in/provider[^"]*)"', page.text)
    assert link is not None
    assert parse_qs(urlsplit(link[1]).query) == {"next": ["/console/overview"]}
    asked = urlsplit(go_to_provider(http))
    query = parse_qs(asked.query)
    assert (query["response_type"], query["code_challenge_method"]) == (["code"], ["S256"])
    assert query["redirect_uri"] == [f"{api.http.base_url}/console/sign-in/callback"]
    assert min(len(query[name][0]) for name in ("state", "nonce", "code_challenge")) >= 43
    signed_in = come_back(http, asked.geturl(), "a1")
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/console/access")
    person = Browser.__new__(Browser)
    person.http = http
    http.follow_redirects = True
    assert "alice@example.com" in person.get("/access")
    person.post("/pools", {"name": "made-by-alice", "licenseCount": "1", "purchaseType": "TS-HFOTA-MRC"})
    (begun,) = entries_of(api, "signIn")
    assert (begun["operator"], begun["role"], begun["via"]) == ("alice@example.com", "admin", "console")
    assert begun["after"] == {"role": "admin", "provider": provider, "subject": "a1"}
    assert entries_of(api, "createAccount")[0]["operator"] == "alice@example.com"
    ended = person.post("/sign-out", {})
    assert "still signed in to Example" in words_of(ended)
    http.follow_redirects = False
    at_provider = urlsplit(http.get("/console/sign-in/provider-end").headers["location"])
    assert at_provider.geturl().startswith(f"{provider}/oauth2/end_session?")
    assert parse_qs(at_provider.query)["post_logout_redirect_uri"] == [f"{api.http.base_url}/console/sign-in"]
    assert http.get("/console/overview").status_code == 303
    assert entries_of(api, "signOut")[0]["operator"] == "alice@example.com"


def test_the_role_comes_from_the_claim_and_without_one_nobody_gets_in(
    start: Callable[..., Api], provider: str, client_secret: str
) -> None:
    api = start_with(start, provider, oidc_client_secret_file=client_secret)
    viewer = new_client(api)
    assert sign_in(viewer, "v1").status_code == 303
    page = viewer.get("/console/overview")
    assert page.status_code == 200
    csrf = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert csrf is not None
    form = {"name": "x", "licenseCount": "1", "csrf": csrf[1]}
    assert viewer.post("/console/pools", data=form).status_code == 403
    nobody = new_client(api)
    refused = sign_in(nobody, "n1")
    assert refused.status_code == REFUSED
    words = words_of(refused.text)
    assert "the claim roles of nora@example.com has 'everybody', of which none gives a role here" in words
    assert "fotapool_console" not in nobody.cookies
    assert nobody.get("/console/overview").status_code == 303
    assert failures(api) == 1


def hs256(forged: ForgedIssuer, claims: dict[str, Any]) -> str:
    secret = OctKey.import_key(str(forged.key.as_dict(private=False)))
    return forged.sign(claims, secret, alg="HS256")


WRONG_TOKENS: dict[str, tuple[dict[str, Any], Callable[[ForgedIssuer, dict[str, Any]], Any] | None, str]] = {
    "the nonce of another sign-in": ({"nonce": "other"}, None, "nonce"),
    "no nonce": ({"nonce": None}, None, "nonce"),
    "another audience": ({"aud": "other"}, None, "aud"),
    "several audiences without azp": ({"aud": [CLIENT, "other"]}, None, "azp"),
    "another party": ({"aud": [CLIENT, "other"], "azp": "other"}, None, "azp"),
    "another issuer": ({"iss": "https://evil.example.com"}, None, "iss"),
    "expired": ({"exp": 1_700_000_000}, None, "expired"),
    "no expiry": ({"exp": None}, None, "'exp'"),
    "not valid yet": ({"nbf": 9_000_000_000}, None, "not valid"),
    "issued in the future": ({"iat": 9_000_000_000}, None, "not valid"),
    "no subject": ({"sub": None}, None, "sub"),
    "a subject that is no text": ({"sub": 7}, None, "sub"),
    "an empty subject": ({"sub": ""}, None, "no subject"),
    "another access token": ({"at_hash": "AAAA"}, None, "at_hash"),
    "no signature": ({}, lambda _, claims: unsigned({"alg": "none"}, claims), "not allowed"),
    "signed with a public key as secret": ({}, hs256, "not allowed"),
    "a foreign key": ({}, lambda one, claims: one.sign(claims, ECKey.generate_key("P-256")), "bad_signature"),
    "an unknown key": ({}, lambda one, claims: one.sign(claims, kid="two"), "unknown key"),
    "no token": ({}, lambda *_: None, "no ID token"),
    "no JWT": ({}, lambda *_: "a.b", "not valid"),
    "a claim without values": ({"roles": []}, None, "is missing or empty"),
    "no claim": ({"roles": None}, None, "is missing or empty"),
    "a claim that is no list": ({"roles": {"fota-admins": True}}, None, "is missing or empty"),
    "other values": ({"roles": ["FOTA-ADMINS", "<b>x"]}, None, "'FOTA-ADMINS', '<b>x'"),
}


def test_a_wrong_token_opens_nothing_and_the_page_says_what_is_wrong(
    start: Callable[..., Api], forged: ForgedIssuer
) -> None:
    api = start_with(start, forged.url)
    right = dict(forged.claims)
    for name, (claims, make, expected) in WRONG_TOKENS.items():
        forged.claims = {**right, **claims}
        forged.make_token = forged.sign if make is None else lambda values, make=make: make(forged, values)
        before = failures(api)
        http = new_client(api)
        refused = sign_in(http)
        assert (refused.status_code, failures(api) - before) == (REFUSED, 1), name
        assert expected in words_of(refused.text), f"{name}: {words_of(refused.text)}"
        assert "<b>" not in refused.text
        assert "fotapool_console" not in http.cookies, name
    forged.claims, forged.make_token = right, forged.sign
    assert sign_in(new_client(api)).status_code == 303

    def refusals() -> list[dict[str, Any]]:
        return [one for one in entries_of(api, "signIn") if one["outcome"] == "refused"]

    wait_until(lambda: sum(one["attempts"] for one in refusals()) == len(WRONG_TOKENS), "all in the audit log")
    assert "the ID token is not valid: Invalid claim: 'nonce'" in refusals()[-1]["reason"]


def raising(status: int = 200, body: bytes = b"{}", **headers: str) -> Callable[[], tuple[int, dict[str, str], bytes]]:
    return lambda: (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


DOCUMENT, TOKEN, KEYS = "/.well-known/openid-configuration", "/token", "/keys"
HUGE = b'{"a": "' + b"x" * 300_000 + b'"}'
FAILURES: dict[str, tuple[str, Callable[[], tuple[int, dict[str, str], bytes]], str]] = {
    "no document": (DOCUMENT, raising(404), "answered 404"),
    "a document elsewhere": (DOCUMENT, raising(302, location="http://169.254.169.254/"), "answered 302"),
    "a huge document": (DOCUMENT, raising(body=HUGE), "more than 256 KiB"),
    "a compressed document": (DOCUMENT, raising(content_encoding="gzip"), "compressed"),
    "a document of another kind": (DOCUMENT, raising(body=b"<html>"), "document is not one"),
    "huge keys": (KEYS, raising(body=HUGE), "more than 256 KiB"),
    "no keys": (KEYS, raising(body=b'{"keys": []}'), "keys cannot be read"),
    "a broken key": (KEYS, raising(body=b'{"keys": [{"kty": "EC"}, 7]}'), "keys cannot be read"),
    "a huge token": (TOKEN, raising(body=HUGE), "more than 256 KiB"),
    "a failing exchange": (TOKEN, raising(500), "500"),
    "an exchange without JSON": (TOKEN, raising(body=b"<html>"), "not answered with JSON"),
    "a wrong client secret": (TOKEN, raising(401, b'{"error": "invalid_client"}'), "invalid_client"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_provider_that_fails_is_told_apart_and_keys_still_work(
    start: Callable[..., Api], forged: ForgedIssuer, name: str
) -> None:
    path, answer, expected = FAILURES[name]
    api = start_with(start, forged.url)
    forged.answers[path] = answer
    http = new_client(api)
    failed = http.get(BEGIN) if path == DOCUMENT else sign_in(http)
    assert failed.status_code == FAILED
    assert "Sign-in through Example does not work now" in words_of(failed.text)
    assert expected in words_of(failed.text)
    assert failures(api) == 0
    assert http.post("/console/sign-in", data={"key": OPERATOR}).status_code == 303
    del forged.answers[path]
    assert sign_in(new_client(api)).status_code == 303


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"issuer": "https://evil.example.com"}, "another issuer"),
        ({"token_endpoint": "http://login.example.com/token"}, "without HTTPS"),
        ({"jwks_uri": "file:///etc/passwd"}, "without HTTPS"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "without HTTPS"),
        ({"end_session_endpoint": "//evil.example.com"}, "without HTTPS"),
        ({"token_endpoint": None}, "document is not one"),
    ],
)
def test_a_document_that_cannot_be_trusted_is_not_used(
    start: Callable[..., Api], forged: ForgedIssuer, changes: dict[str, Any], expected: str
) -> None:
    api = start_with(start, forged.url)
    forged.document = changes
    refused = new_client(api).get(BEGIN)
    assert refused.status_code == FAILED
    assert expected in words_of(refused.text)


def test_a_provider_that_is_down_is_said_so(start: Callable[..., Api], forged: ForgedIssuer) -> None:
    api = start_with(start, forged.url)
    forged.stop()
    refused = new_client(api).get(BEGIN)
    assert refused.status_code == FAILED
    assert "it cannot be reached" in words_of(refused.text)


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(
    start: Callable[..., Api], forged: ForgedIssuer
) -> None:
    api = start_with(start, forged.url)
    http, other = new_client(api), new_client(api)
    answer = httpx.get(go_to_provider(http)).headers["location"]
    cookie = http.cookies["fotapool_sign_in"]
    go_to_provider(other)
    for stranger in (new_client(api), other):  # without an attempt, and with another one
        refused = stranger.get(answer)
        assert refused.status_code == REFUSED
        assert "not begun in this browser" in words_of(refused.text)
    assert [path for path, _ in forged.requests].count("/token") == 0
    assert http.get(answer).status_code == 303
    assert "fotapool_sign_in" not in http.cookies
    assert http.get(answer).status_code == REFUSED
    copied = new_client(api, cookies={"fotapool_sign_in": cookie})
    assert "has ended already" in words_of(copied.get(answer).text)
    changed = new_client(api, cookies={"fotapool_sign_in": cookie[:-2]})
    assert changed.get(answer).status_code == REFUSED
    assert [path for path, _ in forged.requests].count("/token") == 1


def test_a_code_that_was_used_is_refused_by_the_provider(start: Callable[..., Api], forged: ForgedIssuer) -> None:
    api = start_with(start, forged.url)
    http = new_client(api)
    code = parse_qs(urlsplit(httpx.get(go_to_provider(http)).headers["location"]).query)["code"][0]
    state = parse_qs(urlsplit(go_to_provider(http)).query)["state"][0]
    forged.codes.clear()
    refused = http.get("/console/sign-in/callback", params={"code": code, "state": state})
    assert refused.status_code == REFUSED
    assert "invalid_grant" in words_of(refused.text)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"error": "access_denied", "error_description": "<b>call me"}, "declined it"),
        ({"error": "<b>call me"}, "the provider answered with an error"),
        ({"code": ""}, "sent no code"),
        ({"code": "x" * 5000}, "sent no code"),
        ({"code": "x", "iss": "https://evil.example.com"}, "another provider"),
    ],
)
def test_an_answer_without_a_code_is_refused_in_our_words(
    start: Callable[..., Api], forged: ForgedIssuer, query: dict[str, str], expected: str
) -> None:
    api = start_with(start, forged.url)
    http = new_client(api)
    state = parse_qs(urlsplit(go_to_provider(http)).query)["state"][0]
    refused = http.get("/console/sign-in/callback", params={**query, "state": state})
    assert refused.status_code == REFUSED
    assert expected in words_of(refused.text)
    assert "call me" not in refused.text


@pytest.mark.parametrize(
    "path", ["https://example.com/", "//example.com", "/console/../x//", "/console\\x", "", "/api"]
)
def test_no_sign_in_leads_to_another_site(start: Callable[..., Api], forged: ForgedIssuer, path: str) -> None:
    api = start_with(start, forged.url)
    assert sign_in(new_client(api), next_path=path).headers["location"] == "/console/overview"


def test_the_cookie_of_an_attempt_is_for_sign_in_alone(start: Callable[..., Api], forged: ForgedIssuer) -> None:
    api = start_with(start, forged.url, root_path="/fota")
    http = new_client(api)
    response = http.get(f"/fota{BEGIN}")
    cookie = response.headers["set-cookie"]
    assert "Path=/fota/console/sign-in" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert response.headers["location"].startswith(f"{forged.url}/authorize?")
    signed_in = come_back(http, response.headers["location"])
    assert signed_in.headers["location"] == "/fota/console/overview"
    assert str(signed_in.url).startswith(f"{api.http.base_url}/fota/console/sign-in/callback?")
    assert http.get("/fota/console/overview").status_code == 200


def test_the_client_names_itself_as_the_provider_wants(
    start: Callable[..., Api], forged: ForgedIssuer, client_secret: str
) -> None:
    assert sign_in(new_client(start_with(start, forged.url))).status_code == 303
    assert forged.requests[-2][1]["client_id"] == CLIENT
    assert "client_secret" not in forged.requests[-2][1]
    api = start_with(start, forged.url, oidc_client_secret_file=client_secret)
    forged.document = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert sign_in(new_client(api)).status_code == 303
    forms = [form for path, form in forged.requests if path == "/token"]
    assert (forms[-1]["client_id"], forms[-1]["client_secret"]) == (CLIENT, "s3cret")


def test_a_person_has_one_name_and_no_operator_has_it_too(start: Callable[..., Api], forged: ForgedIssuer) -> None:
    api = start_with(start, forged.url)
    http = new_client(api)
    assert sign_in(http).status_code == 303
    forged.claims = {**forged.claims, "sub": "s2"}
    refused = sign_in(new_client(api))
    assert "another person with the name alice@example.com is signed in" in words_of(refused.text)
    assert http.get("/console/overview").status_code == 200
    forged.claims = {**forged.claims, "email": "operator"}
    assert "an operator with a key has the name operator" in words_of(sign_in(new_client(api)).text)
    forged.claims = {**forged.claims, "email": "boss@example.com", "email_verified": False}
    assert sign_in(new_client(api)).status_code == 303
    assert entries_of(api, "signIn")[0]["operator"] == "s2"


def test_other_settings_of_roles_end_the_sessions_of_people(start: Callable[..., Api], forged: ForgedIssuer) -> None:
    api = start_with(start, forged.url)
    http = new_client(api)
    sign_in(http)
    cookie = {"Cookie": f"fotapool_console={http.cookies['fotapool_console']}"}
    same = start_with(start, forged.url, oidc_name="Other words")
    assert same.http.get("/console/overview", headers=cookie).status_code == 200
    changed = start_with(start, forged.url, oidc_admin=("others",))
    assert changed.http.get("/console/overview", headers=cookie).status_code == 303
    without = start()
    assert without.http.get("/console/overview", headers=cookie).status_code == 303
    assert without.http.get(BEGIN).headers["location"].startswith("/console/sign-in?next=")
    assert "Sign in with" not in words_of(without.http.get("/console/sign-in").text)


@pytest.mark.usefixtures("failures_last")
def test_addresses_that_fail_often_are_slowed_down(start: Callable[..., Api], forged: ForgedIssuer) -> None:
    api = start_with(start, forged.url, emulator=False, seed=None, max_failed_sign_ins=2, failed_sign_in_delay_s=0)
    forged.claims = {**forged.claims, "roles": ["other"]}
    http = new_client(api)
    assert [sign_in(http).status_code for _ in range(3)] == [REFUSED, REFUSED, 429]
    assert http.post("/console/sign-in", data={"key": "wrong"}).status_code == 429
