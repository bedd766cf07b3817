"""The ID token of a person: verified, then read for name and role (OpenID Connect Core 1.0, section 3.1.3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from fotapool.domain.identity import Role, role_of
from fotapool.services.identity.oidc.providers import OidcSettings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures with a public key: no `none`, and none with the client's secret."""
LEEWAY_S = 60
"""How far the clocks of the provider and of this machine may differ."""
MAX_NAME = 200
MAX_SHOWN_VALUES = 20
MAX_SHOWN = 60


class SignInRefused(Exception):
    """The sign-in failed because of the person, the browser or the token; the message says why, without secrets."""


class KeyUnknown(Exception):
    """The token is signed with a key that is not among the given ones."""


class Identity(msgspec.Struct, frozen=True):
    """A person as the token describes it."""

    name: str
    sub: str
    role: Role


def verify_id_token(
    token: object, keys: KeySet, *, settings: OidcSettings, nonce: str, access_token: object, now_s: int
) -> dict[str, Any]:
    """The claims of a valid token. Raises KeyUnknown and SignInRefused."""
    if not isinstance(token, str):
        raise SignInRefused("the provider sent no ID token; the scope openid is needed")
    try:
        decoded = jwt.decode(token, keys, registry=JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False))
        required = {name: {"essential": True, "value": value} for name, value in _expected(settings).items()}
        known = {"nonce": nonce, "client_id": settings.client_id, "access_token": access_token}
        claims = CodeIDToken(decoded.claims, decoded.header, required, known)
        claims.validate(now=now_s, leeway=LEEWAY_S)
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise SignInRefused("the ID token has no subject")
    except InvalidKeyIdError as error:
        raise KeyUnknown("the ID token is signed with an unknown key") from error
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SignInRefused(f"the ID token is not valid: {_reason(error)}") from error
    return dict(claims)


def identity_of(claims: Mapping[str, Any], settings: OidcSettings) -> Identity:
    """Name and role. Raises SignInRefused if no value of the role claim gives a role."""
    found = _claim(claims, settings.role_claim)
    values = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    values = [value for value in values if isinstance(value, str)]
    role = role_of(values, settings.values_by_role)
    if role is None:
        has = f"has {_shown(values)}, of which none gives a role here" if values else "is missing or empty"
        raise SignInRefused(f"the claim {settings.role_claim} of {_name(claims, settings)} {has}")
    return Identity(_name(claims, settings), claims["sub"], role)


def _expected(settings: OidcSettings) -> dict[str, str]:
    return {"iss": settings.issuer, "aud": settings.client_id}


def _name(claims: Mapping[str, Any], settings: OidcSettings) -> str:
    """The claim that names the person, or the subject if it is missing, or an address that was not verified."""
    name = _claim(claims, settings.name_claim)
    is_unverified = settings.name_claim == "email" and claims.get("email_verified") is False
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or is_unverified:
        name = "".join(sign if sign.isprintable() else "\ufffd" for sign in claims["sub"])
    return name.strip()[:MAX_NAME]


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of this name, else the member of objects that the parts of the path name."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _shown(values: list[str]) -> str:
    shown = ", ".join(repr(value[:MAX_SHOWN]) for value in values[:MAX_SHOWN_VALUES])
    return shown + (f" and {len(values) - MAX_SHOWN_VALUES} more" if len(values) > MAX_SHOWN_VALUES else "")


def _reason(error: Exception) -> str:
    return str(getattr(error, "description", "") or getattr(error, "error", "") or type(error).__name__)[:200]
