"""`fotapool profiles …`: which servers there are, and as whom they are used."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from fotapool.cli.client import options

KEPT = ("keystore", "file", "environment")
_PROMPTS = {
    "client-secret": ("FOTAPOOL_CLIENT_SECRET", "client's secret"),
    "password": ("FOTAPOOL_PASSWORD", "user's password"),
    "operator-key": ("FOTAPOOL_OPERATOR_KEY", "operator key"),
}


@click.group()
def profiles() -> None:
    """Keep addresses and credentials under a name, for --profile and FOTAPOOL_PROFILE.

    \b
    Examples:
      fotapool profiles add vendor --address https://thingspace.verizon.com --client-key KEY --user NAME
      fotapool profiles list
      fotapool licenses list 0242078689-00001 --profile vendor

    Without a profile, FOTAPOOL_ADDRESS, FOTAPOOL_CLIENT_KEY, FOTAPOOL_CLIENT_SECRET, FOTAPOOL_USER, FOTAPOOL_PASSWORD,
    FOTAPOOL_OPERATOR_KEY and FOTAPOOL_CA_FILE count, and then an emulator on this machine.
    """


@profiles.command()
@click.argument("name")
@click.option("--address", required=True, metavar="URL", help="The server, as https://thingspace.verizon.com.")
@click.option("--client-key", default="", help="Key of the OAuth client.")
@click.option("--user", default="", help="Name of the user.")
@click.option(
    "--ca-file",
    default="",
    type=click.Path(dir_okay=False),
    help="Certificate authority of the server, if it is one of its own.",
)
@click.option(
    "--secrets",
    "kept",
    type=click.Choice(KEPT),
    help="Where the secrets are kept; by default in the system's key store.",
)
def add(name: str, address: str, client_key: str, user: str, ca_file: str, kept: str | None) -> None:
    """Add a profile, or replace it. Asks for the secrets; they are never written into the file of profiles.

    \b
    Examples:
      fotapool profiles add vendor --address https://thingspace.verizon.com --client-key KEY --user NAME
      fotapool profiles add ci --address http://fotapool:8080 --secrets environment
      fotapool profiles add lab --address https://lab.example:8443 --ca-file ca.pem --secrets file

    Where nobody is there to ask, the secrets are taken from FOTAPOOL_CLIENT_SECRET, FOTAPOOL_PASSWORD and
    FOTAPOOL_OPERATOR_KEY. With `--secrets file` they are in a file that only you can read; with `environment`
    they are kept nowhere, and taken from these variables each time.
    """
    from fotapool.cli.client.failures import UsageError
    from fotapool.cli.client.http.target import check_address
    from fotapool.cli.client.output import stderr_note
    from fotapool.cli.client.profiles.profile_file import (
        NAME,
        Profile,
        delete_secrets,
        profiles_path,
        read_profiles,
        write_profile,
        write_secrets,
    )

    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a profile", "Take up to 64 letters, digits, '-', '_' and '.'.")
    address = check_address(address)
    ca_file = os.path.abspath(ca_file) if ca_file else ""
    kept = kept or _best_place()
    secrets = _ask(client_key, user) if kept != "environment" else {}
    before = read_profiles().get(name)
    if before is not None:
        delete_secrets(before)
    write_secrets(name, kept, secrets)
    write_profile(
        Profile(name=name, address=address, client_key=client_key, user=user, ca_file=ca_file, kept=kept), name
    )
    stderr_note(f"profile {name} is in {profiles_path()}; {_where(kept)}")


def _best_place() -> str:
    """The key store where there is one; otherwise nothing is kept, and that is said."""
    from fotapool.cli.client.output import stderr_note
    from fotapool.cli.client.profiles.profile_file import key_store

    if key_store() is not None:
        return "keystore"
    stderr_note(
        "This system has no key store, so no secrets are kept; --secrets file would keep them in a file of yours."
    )
    return "environment"


def _where(kept: str) -> str:
    from fotapool.cli.client.profiles.profile_file import secrets_path

    if kept == "environment":
        names = ", ".join(variable for variable, _ in _PROMPTS.values())
        return f"its secrets are taken from {names}"
    return "its secrets are in the system's key store" if kept == "keystore" else f"its secrets are in {secrets_path()}"


def _ask(client_key: str, user: str) -> dict[str, str]:
    """What is known from the environment, and what the person types, unseen."""
    secrets: dict[str, str] = {}
    wanted = [*(["client-secret"] if client_key else []), *(["password"] if user else []), "operator-key"]
    for secret in wanted:
        variable, words = _PROMPTS[secret]
        value = os.environ.get(variable, "")
        if not value and sys.stdin.isatty():
            value = click.prompt(
                f"The {words} (Enter for none)", default="", hide_input=True, show_default=False, err=True
            )
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
    from fotapool.cli.client.output import Column, print_rows
    from fotapool.cli.client.profiles.profile_file import read_profiles

    rows = [_view(profile) for profile in read_profiles().values()]
    columns = [
        Column("PROFILE", "name"),
        Column("ADDRESS", "address"),
        Column("CLIENT", "clientKey"),
        Column("USER", "user"),
        Column("SECRETS", "secrets"),
    ]
    print_rows(
        rows=rows,
        columns=columns,
        as_json=as_json,
        limit=None,
        empty="No profiles. Make one: fotapool profiles add NAME --address URL",
    )


def _view(profile: Any) -> dict[str, Any]:
    return {
        "name": profile.name,
        "address": profile.address,
        "clientKey": profile.client_key,
        "user": profile.user,
        "caFile": profile.ca_file,
        "secrets": profile.kept,
    }


@profiles.command()
@click.argument("name")
@options.as_json
def show(name: str, as_json: bool) -> None:
    """Show a profile, and which of its secrets are known; never the secrets.

    \b
    Example:
      fotapool profiles show vendor
    """
    from fotapool.cli.client.http.target import choose_target
    from fotapool.cli.client.output import print_record
    from fotapool.cli.client.profiles.profile_file import SECRETS, read_secret

    profile = choose_target(name, None).profile
    assert profile is not None
    known = [secret for secret in SECRETS if read_secret(profile, secret) or os.environ.get(_PROMPTS[secret][0])]
    print_record({**_view(profile), "known": known}, as_json)


@profiles.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a profile and forget its secrets.

    \b
    Example:
      fotapool profiles remove vendor
    """
    from fotapool.cli.client.http.target import choose_target
    from fotapool.cli.client.output import stderr_note
    from fotapool.cli.client.profiles.profile_file import delete_secrets, write_profile

    profile = choose_target(name, None).profile
    assert profile is not None
    delete_secrets(profile)
    write_profile(None, name)
    stderr_note(f"profile {name} is gone, and its secrets with it")
