"""An OpenID provider: its document and keys, which are fetched when they are needed, and the exchange of codes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx2
import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from fotapool.console.identity.oidc.attempts import Attempt
from fotapool.console.identity.oidc.id_token import KeyUnknown, SignInRefused, verify_id_token
from fotapool.services.identity.oidc.providers import OidcSettings, is_protected

DOCUMENT_PATH = "/.well-known/openid-configuration"
MAX_ANSWER_BYTES = 256 * 1024
DEADLINE_S = 10.0
"""Seconds that all requests of one step may take together."""
MAX_AGE_S = 3600
"""How long document and keys are used before they are fetched again."""
MIN_KEY_AGE_S = 60
"""Keys that are younger are not fetched again for a token with an unknown key."""
MAX_AT_ONCE = 8
"""Steps that wait for the provider at the same time; further ones wait for these, within their deadline."""

T = TypeVar("T")


class ProviderFailed(Exception):
    """The provider did not answer, or not as it should; the message says how, without secrets."""


class ProviderDocument(msgspec.Struct):
    """What is used of the provider's document (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] | None = None
    authorization_response_iss_parameter_supported: bool = False


class _Kept(msgspec.Struct):
    """What was fetched, and when."""

    value: Any
    at_s: float


class Provider:
    """The provider of the settings. Every method raises ProviderFailed."""

    def __init__(self, settings: OidcSettings, now_s: Callable[[], float], deadline_s: float = DEADLINE_S) -> None:
        self.settings = settings
        self._now_s = now_s
        self._deadline_s = deadline_s
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        self._fetching = asyncio.Lock()
        self._tls = httpx2.create_ssl_context()
        self._document: _Kept | None = None
        self._keys: _Kept | None = None

    async def authorization_url(self, attempt: Attempt, redirect_uri: str) -> str:
        """Where the browser is sent to, with state, nonce and the challenge of PKCE."""
        document = await self._step(self._find_document)
        async with self._client(redirect_uri, document) as client:
            url, _ = client.create_authorization_url(
                document.authorization_endpoint,
                state=attempt.state,
                code_verifier=attempt.code_verifier,
                nonce=attempt.nonce,
            )
        return str(url)

    async def end_session_url(self, return_to: str) -> str | None:
        """Where the browser can end the session at the provider; None if the provider has no such address."""
        document = await self._step(self._find_document)
        if document.end_session_endpoint is None:
            return None
        query = urlencode({"client_id": self.settings.client_id, "post_logout_redirect_uri": return_to})
        return f"{document.end_session_endpoint}{'&' if '?' in document.end_session_endpoint else '?'}{query}"

    async def exchange(self, code: str, issuer: str | None, attempt: Attempt, redirect_uri: str) -> dict[str, Any]:
        """The claims of the verified ID token for the code. `issuer` is the `iss` of the provider's answer (RFC 9207).

        Raises SignInRefused, too.
        """

        async def step() -> dict[str, Any]:
            document = await self._find_document()
            if issuer != self.settings.issuer and (
                issuer is not None or document.authorization_response_iss_parameter_supported
            ):
                raise SignInRefused("the answer came from another provider")
            tokens = await self._fetch_tokens(document, code, attempt, redirect_uri)
            try:
                return self._verified(tokens, await self._find_keys(document), attempt)
            except KeyUnknown:  # the provider has new keys
                return self._verified(tokens, await self._find_keys(document, MIN_KEY_AGE_S), attempt)

        try:
            return await self._step(step)
        except KeyUnknown as error:
            raise SignInRefused(str(error)) from error

    def _verified(self, tokens: dict[str, Any], keys: KeySet, attempt: Attempt) -> dict[str, Any]:
        return verify_id_token(
            tokens.get("id_token"),
            keys,
            settings=self.settings,
            nonce=attempt.nonce,
            access_token=tokens.get("access_token"),
            now_s=int(self._now_s()),
        )

    async def _step(self, step: Callable[[], Awaitable[T]]) -> T:
        """Runs what may ask the provider, within the deadline."""
        try:
            async with asyncio.timeout(self._deadline_s), self._places:
                return await step()
        except TimeoutError as error:
            raise ProviderFailed(f"it did not answer within {self._deadline_s:g} seconds") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise ProviderFailed(f"it cannot be reached: {str(error) or type(error).__name__}") from error

    async def _find_document(self) -> ProviderDocument:
        async with self._fetching:
            if self._document is None or self._now_s() - self._document.at_s > MAX_AGE_S:
                self._document = _Kept(await self._fetch_document(), self._now_s())
            document: ProviderDocument = self._document.value
            return document

    async def _fetch_document(self) -> ProviderDocument:
        content = await self._get(self.settings.issuer.removesuffix("/") + DOCUMENT_PATH)
        try:
            document = msgspec.json.decode(content, type=ProviderDocument)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ProviderFailed(f"its document is not one: {error}") from error
        if document.issuer != self.settings.issuer:
            raise ProviderFailed(f"its document is of another issuer, {document.issuer[:200]!r}")
        for url in (document.authorization_endpoint, document.token_endpoint, document.jwks_uri):
            _check_endpoint(url)
        if document.end_session_endpoint is not None:
            _check_endpoint(document.end_session_endpoint)
        return document

    async def _find_keys(self, document: ProviderDocument, max_age_s: float = MAX_AGE_S) -> KeySet:
        async with self._fetching:
            if self._keys is None or self._now_s() - self._keys.at_s > max_age_s:
                content = await self._get(document.jwks_uri)
                try:
                    keys = KeySet.import_key_set(msgspec.json.decode(content))
                except (msgspec.DecodeError, JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
                    raise ProviderFailed(f"its keys cannot be read: {type(error).__name__}") from error
                self._keys = _Kept(keys, self._now_s())
            found: KeySet = self._keys.value
            return found

    async def _get(self, url: str) -> bytes:
        async with httpx2.AsyncClient(**self._options()) as client:
            response = await client.get(url, headers={"Accept": "application/json"})
        if response.status_code != httpx2.codes.OK:
            raise ProviderFailed(f"{url} was answered {response.status_code}")
        content: bytes = response.content
        return content

    async def _fetch_tokens(
        self, document: ProviderDocument, code: str, attempt: Attempt, redirect_uri: str
    ) -> dict[str, Any]:
        try:
            async with self._client(redirect_uri, document) as client:
                tokens = await client.fetch_token(
                    document.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=attempt.code_verifier,
                )
        except OAuthError as error:
            failure = f"the exchange of the code was answered {str(error.error)[:100]!r}"
            raise (SignInRefused if error.error == "invalid_grant" else ProviderFailed)(failure) from error
        except ValueError as error:  # not JSON
            raise ProviderFailed("the exchange of the code was not answered with JSON") from error
        return dict(tokens)

    def _client(self, redirect_uri: str, document: ProviderDocument) -> Any:
        try:
            secret = self.settings.read_client_secret()
        except (OSError, UnicodeError) as error:
            raise ProviderFailed(f"the file with the client's secret cannot be read: {error}") from error
        return AsyncOAuth2Client(
            self.settings.client_id,
            secret,
            token_endpoint_auth_method=_auth_method(secret, document),
            scope=self.settings.scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            **self._options(),
        )

    def _options(self) -> dict[str, Any]:
        return {
            "verify": self._tls,
            "timeout": self._deadline_s,
            "follow_redirects": False,
            "headers": {"Accept-Encoding": "identity"},
            "event_hooks": {"response": [_bound]},
        }


def _auth_method(secret: str | None, document: ProviderDocument) -> str:
    """How the client names itself: by HTTP Basic, unless the provider takes its secret in the form alone."""
    if secret is None:
        return "none"
    supported = document.token_endpoint_auth_methods_supported or ["client_secret_basic"]
    takes_form_alone = "client_secret_basic" not in supported and "client_secret_post" in supported
    return "client_secret_post" if takes_form_alone else "client_secret_basic"


def _check_endpoint(url: str) -> None:
    if not is_protected(url):
        raise ProviderFailed(f"its document names an address without HTTPS, {url[:200]!r}")


class _BoundedStream(httpx2.AsyncByteStream):
    """The body of an answer, of at most MAX_ANSWER_BYTES."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise ProviderFailed(f"an answer has more than {MAX_ANSWER_BYTES // 1024} KiB")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound(response: httpx2.Response) -> None:
    """Bounds an answer before it is read; a compressed one could become much larger."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ProviderFailed("an answer is compressed, which was not asked for")
    response.stream = _BoundedStream(response.stream)
