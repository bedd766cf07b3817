"""What the settings say about the OpenID provider, and the check of its address."""

from __future__ import annotations

import hashlib
import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from fotapool.core.settings import Settings

LOOPBACK_NAME = "localhost"


class OidcSettings(msgspec.Struct, frozen=True):
    """The provider, this server's client there, and which values of a claim give which role."""

    issuer: str
    client_id: str
    name: str
    """What the sign-in page calls the provider."""
    scope: str
    name_claim: str
    role_claim: str
    values_by_role: dict[str, tuple[str, ...]]
    client_secret_file: str | None

    @property
    def digest(self) -> bytes:
        """A hash of all settings that decide a person's role. If it changes at a restart, sessions end."""
        facts = (self.issuer, self.client_id, self.name_claim, self.role_claim, sorted(self.values_by_role.items()))
        return hashlib.sha256(msgspec.json.encode(facts)).digest()

    def read_client_secret(self) -> str | None:
        """The client's secret; None for a public client. Raises OSError."""
        path = self.client_secret_file
        return None if path is None else Path(path).read_text(encoding="utf-8").strip()


def oidc_settings(settings: Settings) -> OidcSettings | None:
    """What the settings say about the provider; None if there is none."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    return OidcSettings(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        name=settings.oidc_name or str(urlsplit(settings.oidc_issuer).hostname),
        scope=settings.oidc_scope,
        name_claim=settings.oidc_name_claim,
        role_claim=settings.oidc_role_claim,
        values_by_role={
            "viewer": settings.oidc_viewer,
            "editor": settings.oidc_editor,
            "admin": settings.oidc_admin,
        },
        client_secret_file=settings.oidc_client_secret_file,
    )


def check_issuer(url: str) -> str:
    """The issuer. Raises ValueError for what is no HTTPS address without query; HTTP is for this machine alone."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"is not a URL: {error}") from error
    if not host or parts.query or parts.fragment or parts.username is not None or not url.isprintable() or " " in url:
        raise ValueError("must be a URL like https://login.example.com/company, without a query")
    if not is_protected(url):
        raise ValueError("must begin with https://; http:// is for a provider on this machine (127.0.0.1, localhost)")
    return url


def is_protected(url: str) -> bool:
    """Whether nobody on the way can read or change what is sent: HTTPS, or HTTP to this machine itself."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))


def _is_loopback(host: str) -> bool:
    if host == LOOPBACK_NAME:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
