"""`fotapool profiles …`: servers and credentials by name."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from fotapool.cli.client import options
from fotapool.cli.client.failures import UsageError
from fotapool.cli.client.http.profile_file import (
    ENVIRONMENT,
    FILE,
    KEY_STORE,
    NAME,
    SECRETS,
    STORES,
    VARIABLES,
    Profile,
    delete_secrets,
    key_store,
    profiles_path,
    read_profiles,
    read_secret,
    secrets_path,
    write_profile,
    write_secrets,
)
from fotapool.cli.client.http.target import check_address, find_profile
from fotapool.cli.client.output import print_record, print_rows, stderr_note


@click.group()
def profiles() -> None:
    """Store addresses and credentials under a name, for --profile and FOTAPOOL_PROFILE.

    \b
    Examples:
      fotapool profiles add vendor --address https://thingspace.verizon.com --client-key KEY --user NAME
      fotapool profiles list
      fotapool licenses list 0242078689-00001 --profile vendor

    Without a profile, the server and credentials come from FOTAPOOL_ADDRESS, FOTAPOOL_CLIENT_KEY,
    FOTAPOOL_CLIENT_SECRET, FOTAPOOL_USER, FOTAPOOL_PASSWORD, FOTAPOOL_OPERATOR_KEY and FOTAPOOL_CA_FILE; the default
    is an emulator on this machine.
    """


@profiles.command()
@click.argument("name")
@click.option(
    "--address", required=True, metavar="URL", help="Address of the server, as https://thingspace.verizon.com."
)
@click.option("--client-key", default="", help="Key of the OAuth client.")
@click.option("--user", default="", help="Name of the user.")
@click.option(
    "--ca-file",
    default="",
    type=click.Path(dir_okay=False),
    help="PEM file of the server's certificate authority, if it is a private one.",
)
@click.option(
    "--secrets",
    "secret_store",
    type=click.Choice(STORES),
    help="Where to store the secrets; default: the system's key store.",
)
def add(name: str, address: str, client_key: str, user: str, ca_file: str, secret_store: str | None) -> None:
    """Add or replace a profile. Prompts for the secrets; they are not stored in the file of profiles.

    \b
    Examples:
      fotapool profiles add vendor --address https://thingspace.verizon.com --client-key KEY --user NAME
      fotapool profiles add ci --address http://fotapool:8080 --secrets environment
      fotapool profiles add lab --address https://lab.example:8443 --ca-file ca.pem --secrets file

    Without a terminal, the secrets are read from FOTAPOOL_CLIENT_SECRET, FOTAPOOL_PASSWORD and FOTAPOOL_OPERATOR_KEY.
    `--secrets file` stores them in a file that only you can read. `--secrets environment` stores nothing: the secrets
    are read from these variables at each use.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a profile name", "Use up to 64 letters, digits, '-', '_' and '.'.")
    address = check_address(address)
    ca_file = os.path.abspath(ca_file) if ca_file else ""
    secret_store = secret_store or _default_store()
    secrets = _read_secrets(client_key, user) if secret_store != ENVIRONMENT else {}
    before = read_profiles().get(name)
    if before is not None:
        delete_secrets(before)
    write_secrets(name, secret_store, secrets)
    profile = Profile(
        name=name, address=address, client_key=client_key, user=user, ca_file=ca_file, secret_store=secret_store
    )
    write_profile(profile, name)
    stores = {
        KEY_STORE: "in the system's key store",
        FILE: f"in {secrets_path()}",
        ENVIRONMENT: f"read from {', '.join(VARIABLES.values())}",
    }
    stderr_note(f"Profile {name} is stored in {profiles_path()}; its secrets are {stores[secret_store]}.")


def _default_store() -> str:
    if key_store() is not None:
        return KEY_STORE
    stderr_note("This system has no key store, so the secrets are not stored. Use --secrets file to store them.")
    return ENVIRONMENT


def _read_secrets(client_key: str, user: str) -> dict[str, str]:
    """The secrets from the environment, or else from prompts without echo."""
    needed = {"client-secret": client_key, "password": user, "operator-key": "always"}
    secrets: dict[str, str] = {}
    for secret in (name for name in SECRETS if needed[name]):
        value = os.environ.get(VARIABLES[secret], "")
        if not value and sys.stdin.isatty():
            prompt = f"{secret.replace('-', ' ').capitalize()} (Enter for none)"
            value = click.prompt(prompt, default="", hide_input=True, show_default=False, err=True)
        if value:
            secrets[secret] = value
    return secrets


@profiles.command("list")
@options.as_json
def list_profiles(as_json: bool) -> None:
    """List the profiles.

    \b
    Example:
      fotapool profiles list
    """
    rows = [_as_document(profile) for profile in read_profiles().values()]
    empty = "No profiles. Add one: fotapool profiles add NAME --address URL"
    print_rows(rows, "name:profile address clientKey:client user secrets", as_json, empty=empty)


def _as_document(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "address": profile.address,
        "clientKey": profile.client_key,
        "user": profile.user,
        "caFile": profile.ca_file,
        "secrets": profile.secret_store,
    }


@profiles.command()
@click.argument("name")
@options.as_json
def show(name: str, as_json: bool) -> None:
    """Show a profile, and which of its secrets are known. The secrets are never printed.

    \b
    Example:
      fotapool profiles show vendor
    """
    profile = find_profile(name)
    known = [secret for secret in SECRETS if read_secret(profile, secret) or os.environ.get(VARIABLES[secret])]
    print_record({**_as_document(profile), "known": known}, as_json)


@profiles.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a profile and its secrets.

    \b
    Example:
      fotapool profiles remove vendor
    """
    delete_secrets(find_profile(name))
    write_profile(None, name)
    stderr_note(f"Profile {name} and its secrets are removed.")
