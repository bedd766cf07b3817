"""`fotapool users …`, `clients …` and `operators …`: who may sign in."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.client import options
from fotapool.domain.identity import Role

SHOWN_ONCE = "It is shown this once."
_name = click.argument("name")


@click.group()
def users() -> None:
    """Look after users, who sign in to accounts with a password.

    \b
    Examples:
      fotapool users list
      fotapool users create zbeeblebrox --account 0242078689-00001
      fotapool users unlock zbeeblebrox
    """


@users.command("list")
@options.limit
@options.as_json
@options.admin_client_options
def list_users(plane: Any, limit: int | None, as_json: bool) -> None:
    """List users with their accounts, and who is locked.

    \b
    Example:
      fotapool users list
    """
    from fotapool.cli.client.output import Column, print_rows

    columns = [Column("USER", "username"), Column("LOCKED", "locked"), Column("ACCOUNTS", "accounts")]
    empty = "No users. Make one: fotapool users create NAME --account ACCOUNT"
    print_rows(
        rows=plane.pages("/users", "users", "username"), columns=columns, as_json=as_json, limit=limit, empty=empty
    )


@users.command("create")
@_name
@click.option(
    "--account",
    "accounts",
    multiple=True,
    type=options.AccountName(),
    help="An account that the user may use; may be repeated.",
)
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from a pipe; without it, one is made and shown."
)
@options.as_json
@options.admin_client_options
def create_user(plane: Any, name: str, accounts: tuple[str, ...], password_stdin: bool, as_json: bool) -> None:
    """Make a user of some accounts.

    \b
    Examples:
      fotapool users create zbeeblebrox --account 0242078689-00001 --account 0242078689-00002
      pass show fota | fotapool users create zbeeblebrox --account 0242078689-00001 --password-stdin
    """
    import sys

    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    answer = plane.call("POST", "/users", {"username": name, "password": password, "accounts": list(accounts)})
    if password_stdin:
        answer.pop("password")
    _show_secret(answer, as_json, not password_stdin)


@users.command()
@_name
@options.as_json
@options.admin_client_options
def unlock(plane: Any, name: str, as_json: bool) -> None:
    """Let a user log in again who was locked by wrong passwords.

    \b
    Example:
      fotapool users unlock zbeeblebrox
    """
    _change(
        plane=plane,
        method="POST",
        kind="users",
        name=name,
        rest="/unlock",
        sentence=f"user {name} may log in",
        as_json=as_json,
    )


@users.command("delete")
@_name
@options.yes
@options.as_json
@options.admin_client_options
def delete_user(plane: Any, name: str, yes: bool, as_json: bool) -> None:
    """Delete a user and end its sessions.

    \b
    Example:
      fotapool users delete zbeeblebrox --yes
    """
    _delete(plane=plane, kind="users", name=name, yes=yes, as_json=as_json)


@click.group()
def clients() -> None:
    """Look after OAuth clients: the programs that sign in with key and secret.

    \b
    Examples:
      fotapool clients list
      fotapool clients create --key my-program
    """


@clients.command("list")
@options.limit
@options.as_json
@options.admin_client_options
def list_clients(plane: Any, limit: int | None, as_json: bool) -> None:
    """List clients.

    \b
    Example:
      fotapool clients list
    """
    from fotapool.cli.client.output import Column, print_rows

    columns = [Column("KEY", "key"), Column("CREATED", "createTime")]
    print_rows(
        rows=plane.pages("/clients", "clients", "key"),
        columns=columns,
        as_json=as_json,
        limit=limit,
        empty="No clients. Make one: fotapool clients create",
    )


@clients.command("create")
@click.option("--key", help="Its key; without it, one is made.")
@options.as_json
@options.admin_client_options
def create_client(plane: Any, key: str | None, as_json: bool) -> None:
    """Make a client; its secret is made and shown.

    \b
    Example:
      fotapool clients create --key my-program
    """
    _show_secret(plane.call("POST", "/clients", {"key": key}), as_json)


@clients.command("delete")
@_name
@options.yes
@options.as_json
@options.admin_client_options
def delete_client(plane: Any, name: str, yes: bool, as_json: bool) -> None:
    """Delete a client and its token.

    \b
    Example:
      fotapool clients delete my-program --yes
    """
    _delete(plane=plane, kind="clients", name=name, yes=yes, as_json=as_json)


@click.group()
def operators() -> None:
    """Look after operators: whoever may use the operator plane, and for what.

    \b
    Examples:
      fotapool operators list
      fotapool operators create night-shift --role viewer
    """


@operators.command("list")
@options.limit
@options.as_json
@options.admin_client_options
def list_operators(plane: Any, limit: int | None, as_json: bool) -> None:
    """List operators with their roles.

    \b
    Example:
      fotapool operators list
    """
    from fotapool.cli.client.output import Column, print_rows

    columns = [Column("OPERATOR", "name"), Column("ROLE", "role"), Column("CREATED", "createTime")]
    empty = "No operators but the one of --operator-key. Make one: fotapool operators create NAME"
    print_rows(
        rows=plane.pages("/operators", "operators", "name"), columns=columns, as_json=as_json, limit=limit, empty=empty
    )


@operators.command("create")
@_name
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), help="What the operator may do; without it, everything."
)
@options.as_json
@options.admin_client_options
def create_operator(plane: Any, name: str, role: str | None, as_json: bool) -> None:
    """Make an operator; the key is made and shown.

    \b
    Example:
      fotapool operators create night-shift --role viewer
    """
    body = {"name": name} | ({"role": role} if role else {})
    _show_secret(plane.call("POST", "/operators", body), as_json)


@operators.command("delete")
@_name
@options.yes
@options.as_json
@options.admin_client_options
def delete_operator(plane: Any, name: str, yes: bool, as_json: bool) -> None:
    """Take an operator's key away.

    \b
    Example:
      fotapool operators delete night-shift --yes
    """
    _delete(plane=plane, kind="operators", name=name, yes=yes, as_json=as_json)


def _show_secret(answer: dict[str, Any], as_json: bool, was_made: bool = True) -> None:
    """The one place where a command prints a secret: the server has just made it, and nobody can ask for it again."""
    from fotapool.cli.client.output import print_record, stderr_note

    print_record(answer, as_json)
    if was_made:
        stderr_note(SHOWN_ONCE)


def _change(plane: Any, method: str, kind: str, name: str, rest: str, sentence: str, as_json: bool) -> None:
    from fotapool.cli.client.http.api_client import segment
    from fotapool.cli.client.output import done

    plane.call(method, f"/{kind}/{segment(name)}{rest}")
    done(sentence, as_json)


def _delete(plane: Any, kind: str, name: str, yes: bool, as_json: bool) -> None:
    from fotapool.cli.client.output import confirm

    confirm(f"Type {name} to delete it", name, yes)
    _change(plane=plane, method="DELETE", kind=kind, name=name, rest="", sentence=f"{name} is deleted", as_json=as_json)
