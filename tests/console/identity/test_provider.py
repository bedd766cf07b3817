"""What is fetched of a provider, when, and what it may take."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from forged_issuer import CLIENT, ForgedIssuer
from joserfc.jwk import ECKey
from msgspec.structs import astuple
from starlette.datastructures import Headers

from fotapool.console.identity.oidc.attempts import LIFE_S, Attempt, Attempts
from fotapool.console.identity.oidc.id_token import SignInRefused
from fotapool.console.identity.oidc.provider import MAX_AGE_S, MIN_KEY_AGE_S, Provider, ProviderFailed
from fotapool.core.settings import Settings
from fotapool.domain.identity import Role, role_of
from fotapool.services.identity.oidc.providers import OidcSettings, check_issuer, oidc_settings

BACK = "http://127.0.0.1/console/sign-in/callback"
DOCUMENT, KEYS = "/.well-known/openid-configuration", "/keys"


def settings_of(issuer: str) -> OidcSettings:
    found = oidc_settings(Settings(oidc_issuer=issuer, oidc_client_id=CLIENT, oidc_admin=("fota-admins",)))
    assert found is not None
    return found


class Signing:
    """Sign-ins at a provider, without a console, at a time of the test."""

    def __init__(self, forged: ForgedIssuer, now_s: float, deadline_s: float = 60) -> None:
        self.forged = forged
        self.now_s = now_s
        self.provider = Provider(settings_of(forged.url), lambda: self.now_s, deadline_s)

    async def sign_in(self) -> dict[str, Any]:
        attempt = Attempt("state", "nonce", "v" * 43, "/", 0)
        url = await self.provider.authorization_url(attempt, BACK)
        async with httpx.AsyncClient(timeout=60) as browser:
            answer = await browser.get(url)
        code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
        return await self.provider.exchange(code, None, attempt, BACK)

    def fetched(self, path: str) -> int:
        return [found for found, _ in self.forged.requests].count(path)


@pytest.fixture
def signing(forged: ForgedIssuer) -> Signing:
    now_s = 1_900_000_000
    forged.claims |= {"iat": now_s, "exp": now_s + 10 * MAX_AGE_S}
    return Signing(forged, now_s)


def test_document_and_keys_are_kept_for_a_while(signing: Signing) -> None:
    async def work() -> None:
        for _ in range(3):
            assert (await signing.sign_in())["sub"] == "s1"
        assert (signing.fetched(DOCUMENT), signing.fetched(KEYS)) == (1, 1)
        signing.now_s += MAX_AGE_S + 1
        await asyncio.gather(*(signing.sign_in() for _ in range(4)))
        assert (signing.fetched(DOCUMENT), signing.fetched(KEYS)) == (2, 2)

    asyncio.run(work())


def test_new_keys_of_the_provider_are_found_and_unknown_ones_do_not_make_it_busy(signing: Signing) -> None:
    async def work() -> None:
        await signing.sign_in()
        signing.forged.key = ECKey.generate_key("P-256", {"kid": "two"})
        signing.forged.make_token = lambda claims: signing.forged.sign(claims, kid="two")
        for _ in range(3):
            with pytest.raises(SignInRefused, match="unknown key"):
                await signing.sign_in()
        assert signing.fetched(KEYS) == 1
        signing.now_s += MIN_KEY_AGE_S + 1
        signing.forged.keys.append(signing.forged.key)
        await signing.sign_in()
        assert signing.fetched(KEYS) == 2

    asyncio.run(work())


@pytest.mark.parametrize("path", [DOCUMENT, "/token", KEYS])
def test_a_provider_that_does_not_answer_has_a_deadline(forged: ForgedIssuer, path: str) -> None:
    released = threading.Event()

    def wait() -> tuple[int, dict[str, str], bytes]:
        released.wait()
        return 200, {}, b"{}"

    async def work() -> None:
        signing = Signing(forged, 1_900_000_000)
        if path != DOCUMENT:
            await signing.provider.authorization_url(Attempt("s", "n", "v" * 43, "/", 0), BACK)
        forged.answers[path] = wait
        signing.provider._deadline_s = 0.2
        with pytest.raises(ProviderFailed, match="did not answer within"):
            await signing.sign_in()

    try:
        asyncio.run(work())
    finally:
        released.set()


def test_many_sign_ins_at_once_ask_a_few_at_a_time(forged: ForgedIssuer, signing: Signing) -> None:
    now, most = 0, 0
    lock = threading.Lock()

    async def work() -> None:
        asked = forged.answer

        def answer(target: str, body: bytes) -> Any:
            nonlocal now, most
            with lock:
                now += target == "/token"
                most = max(most, now)
            found = asked(target, body)
            with lock:
                now -= target == "/token"
            return found

        forged.answer = answer  # type: ignore[method-assign]
        await asyncio.gather(*(signing.sign_in() for _ in range(40)))

    asyncio.run(work())
    assert 1 <= most <= 8


def test_an_attempt_ends_with_its_time() -> None:
    now_s = 1000
    attempts = Attempts(b"key", "/console/sign-in", lambda: now_s)
    attempt = attempts.new("/console/pools")
    content = attempts._signer.dumps(astuple(attempt))

    class Asked:
        headers = Headers({"cookie": f"fotapool_sign_in={content}"})
        query_params = {"state": attempt.state}

    now_s += LIFE_S
    with pytest.raises(SignInRefused, match="longer than 10 minutes"):
        attempts.take(Asked())  # type: ignore[arg-type]
    now_s -= 1
    assert attempts.take(Asked()) == attempt  # type: ignore[arg-type]
    with pytest.raises(SignInRefused, match="ended already"):
        attempts.take(Asked())  # type: ignore[arg-type]


def test_the_highest_role_of_all_values_counts() -> None:
    roles = {"viewer": ("a", "b"), "editor": ("b",), "admin": ("c", "CN=Admins, OU=IT")}
    for values, expected in (
        (["a"], Role.VIEWER),
        (["a", "b"], Role.EDITOR),
        (["CN=Admins, OU=IT", "a"], Role.ADMIN),
        (["A", "CN=Admins"], None),
        ([], None),
    ):
        assert role_of(values, roles) is expected


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.com",
        "https://",
        "https://login.example.com/?tenant=x",
        "https://login.example.com/#x",
        "https://user@login.example.com",
        "https://login.example.com/a b",
        "ftp://127.0.0.1",
        "https://[::1",
        "login.example.com",
        "http://127.0.0.1.example.com",
    ],
)
def test_an_issuer_has_https_unless_it_is_on_this_machine(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|is not a URL"):
        check_issuer(url)
    for right in (
        "https://login.example.com/company",
        "http://127.0.0.1:9400",
        "http://localhost",
        "http://[::1]/x",
    ):
        assert check_issuer(right) == right
