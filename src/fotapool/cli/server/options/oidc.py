"""The options of the servers about the OpenID provider through which people sign in to the console."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

NEEDED = ("oidc_issuer", "oidc_client_id")
ROLES = ("oidc_viewer", "oidc_editor", "oidc_admin")
PACKAGES = ("authlib", "httpx2", "joserfc")


class ClaimValue(click.ParamType[str]):
    """One value of a claim. A variable has several with semicolons between them: names of groups have commas."""

    name = "value"
    envvar_list_splitter = ";"

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        return [value.strip() for value in rv.split(self.envvar_list_splitter) if value.strip()]


def _check_issuer(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    from fotapool.services.identity.oidc.providers import (
        check_issuer,  # imported here to keep other commands' start short
    )

    if text is None:
        return None
    try:
        return check_issuer(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _check_scope(_: click.Context, __: click.Parameter, text: str) -> str:
    if "openid" not in text.split():
        raise click.BadParameter("must have the word openid")
    return text


def _role_option(role: str) -> Any:
    return click.option(
        f"--oidc-{role}",
        multiple=True,
        type=ClaimValue(),
        metavar="VALUE",
        help=f"Value of the claim --oidc-role-claim that gives a person the role {role}. Can be repeated; in the "
        "environment variable, semicolons are between several. The highest role counts.",
    )


OIDC_OPTIONS = (
    click.option(
        "--oidc-issuer",
        metavar="URL",
        callback=_check_issuer,
        help="OpenID provider through which people sign in to the console, as https://login.example.com/company. "
        "Needs fotapool[oidc].",
    ),
    click.option("--oidc-client-id", metavar="ID", help="Id of this server's client at the provider."),
    click.option(
        "--oidc-client-secret-file",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE",
        help="File with the secret of this client; without it, the client is a public one (PKCE alone).",
    ),
    click.option(
        "--oidc-name", metavar="NAME", help="What the sign-in page calls the provider; default: the issuer's host."
    ),
    click.option(
        "--oidc-scope",
        default="openid profile email",
        metavar="SCOPES",
        callback=_check_scope,
        help="Scopes that are requested, with spaces between them.",
    ),
    click.option(
        "--oidc-name-claim",
        default="email",
        metavar="CLAIM",
        help="Claim of the ID token that names a person in the audit log; sub if it is missing.",
    ),
    click.option(
        "--oidc-role-claim",
        default="roles",
        metavar="CLAIM",
        help="Claim of the ID token with a person's roles or groups; realm_access.roles is a member of an object.",
    ),
    *(_role_option(role) for role in ("viewer", "editor", "admin")),
)


def check_oidc(values: dict[str, Any]) -> None:
    """Raises UsageError for settings of which one needs another, for a missing package and for an unusable file."""
    if not any(values[name] for name in (*NEEDED, *ROLES, "oidc_client_secret_file", "oidc_name")):
        return
    for name in NEEDED:
        if not values[name]:
            raise click.UsageError(f"sign-in through a provider also needs {_option(name)}")
    if not any(values[name] for name in ROLES):
        raise click.UsageError(
            f"nobody could sign in through {values['oidc_issuer']}: say which values of the claim "
            f"{values['oidc_role_claim']} give a role, with {', '.join(map(_option, ROLES))}"
        )
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise click.UsageError("--oidc-issuer needs further packages: pip install 'fotapool[oidc]'")
    path = values["oidc_client_secret_file"]
    if path is not None:
        try:
            secret = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError) as error:
            raise click.UsageError(f"--oidc-client-secret-file {path} cannot be read: {error}") from error
        if not secret:
            raise click.UsageError(f"--oidc-client-secret-file {path} is empty")


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
