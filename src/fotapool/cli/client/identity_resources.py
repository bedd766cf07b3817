"""The rows of `fotapool users`, `clients`, `operators` and `device-keys` in the table of resources."""

from __future__ import annotations

import sys

import click

from fotapool.cli.client import options
from fotapool.cli.client.operations import Decorator, Operation
from fotapool.domain.identity import Role, SignInKind

ACCOUNT = "0242078689-00001"
_name = click.argument("name")
_username = click.argument("username", metavar="NAME")
_overlap = click.option(
    "--overlap",
    metavar="DURATION",
    help="How long the old key or secret stays valid, as PT24H (the default) or P7D; PT0S ends it at once.",
)
_kind = click.option(
    "--kind",
    type=click.Choice([kind.value for kind in SignInKind]),
    default=SignInKind.USER.value,
    show_default=True,
    help="Whose sessions.",
)
_KEYS = "key.prefix:key key.lastUseTime:last_use oldKey.expireTime:old_key_expires"


def _read_password() -> str:
    return sys.stdin.readline().rstrip("\r\n")


_password = click.option(
    "--password-stdin",
    "password",
    is_flag=True,
    flag_value=_read_password,
    type=click.UNPROCESSED,
    help="Read the password from standard input; default: generate and show one.",
)


def _accounts(option: str, member: str, help_text: str) -> Decorator:
    """An option with the name of an account, for a member of the body that is a list."""
    return click.option(
        option,
        member,
        multiple=True,
        type=options.AccountName(),
        callback=lambda _, __, names: names or None,
        help=f"{help_text}; can be repeated.",
    )


def _delete(kind: str, name: str, help_text: str, example: str) -> Operation:
    """The row that deletes one resource; `name` is the parameter with its name."""
    return Operation(
        name="delete",
        help=help_text,
        examples=(f"{kind} delete {example} --yes",),
        method="DELETE",
        path=f"/{kind}/{{{name}}}",
        params=(click.argument(name, metavar="NAME"),),
        confirm=(name, f"Type {{{name}}} to delete it"),
        message=f"{{{name}}} is deleted",
    )


IDENTITY: dict[str, tuple[Operation, ...]] = {
    "users": (
        Operation(
            name="list",
            help="List users with their accounts, and whether they are locked.",
            examples=("users list",),
            path="/users",
            cursor="username",
            columns="username:user locked accounts",
            empty="No users. Create one: fotapool users create NAME --account ACCOUNT",
        ),
        Operation(
            name="create",
            help="Create a user with access to some accounts.",
            examples=(
                f"users create zbeeblebrox --account {ACCOUNT} --account 0242078689-00002",
                f"users create zbeeblebrox --account {ACCOUNT} --password-stdin < password.txt",
            ),
            method="POST",
            path="/users",
            params=(
                _username,
                _accounts("--account", "accounts", "Account that the user has access to"),
                _password,
            ),
            secret="password",  # noqa: S106
        ),
        Operation(
            name="show",
            help="Show a user's accounts, and whether it is locked.",
            examples=("users show zbeeblebrox",),
            path="/users/{username}",
            params=(_username,),
            columns="username:user locked accounts",
        ),
        Operation(
            name="change",
            help="Change a user's accounts. Requests for accounts that it loses are rejected at once.",
            examples=(
                "users change zbeeblebrox --add 0242078689-00002 --remove 0242078689-00001",
                f"users change zbeeblebrox --account {ACCOUNT}",
            ),
            method="PATCH",
            path="/users/{username}",
            params=(
                _username,
                _accounts("--account", "accounts", "Account that the user keeps or gets instead of all others"),
                _accounts("--add", "add", "Account that the user gets"),
                _accounts("--remove", "remove", "Account that the user loses"),
            ),
            columns="username:user locked accounts",
        ),
        Operation(
            name="set-password",
            help="Set a user's password, end its sessions and unlock it.",
            examples=(
                "users set-password zbeeblebrox",
                "users set-password zbeeblebrox --password-stdin < password.txt",
            ),
            method="POST",
            path="/users/{username}/password",
            params=(_username, _password),
            secret="password",  # noqa: S106
        ),
        Operation(
            name="unlock",
            help="Unlock a user who was locked after wrong passwords.",
            examples=("users unlock zbeeblebrox",),
            method="POST",
            path="/users/{username}/unlock",
            params=(_username,),
            message="user {username} is unlocked",
        ),
        _delete("users", "username", "Delete a user and end its sessions.", "zbeeblebrox"),
    ),
    "clients": (
        Operation(
            name="list",
            help="List OAuth clients.",
            examples=("clients list",),
            path="/clients",
            cursor="key",
            columns="key createTime:created lastTokenTime:last_token oldSecret.expireTime:old_secret_expires",
            empty="No clients. Create one: fotapool clients create",
        ),
        Operation(
            name="create",
            help="Create an OAuth client; its secret is generated and shown.",
            examples=("clients create --key my-program",),
            method="POST",
            path="/clients",
            params=(click.option("--key", help="Key of the client; default: a generated one."),),
            secret="secret",  # noqa: S106
        ),
        Operation(
            name="rotate",
            help="Replace a client's secret; the new one is generated and shown.",
            examples=("clients rotate my-program", "clients rotate my-program --overlap PT0S"),
            method="POST",
            path="/clients/{key}/rotate",
            params=(click.argument("key"), _overlap),
            secret="secret",  # noqa: S106
        ),
        _delete("clients", "key", "Delete an OAuth client and its token.", "my-program"),
    ),
    "operators": (
        Operation(
            name="list",
            help="List operators with their roles.",
            examples=("operators list",),
            path="/operators",
            cursor="name",
            columns=f"name:operator role createTime:created {_KEYS}",
            empty="No operators besides that of --operator-key. Create one: fotapool operators create NAME",
        ),
        Operation(
            name="create",
            help="Create an operator; its key is generated and shown.",
            examples=("operators create night-shift --role viewer",),
            method="POST",
            path="/operators",
            params=(
                _name,
                click.option("--role", type=click.Choice([role.value for role in Role]), help="Role; default: admin."),
            ),
            secret="key",  # noqa: S106
        ),
        Operation(
            name="rotate",
            help="Replace an operator's key; the new one is generated and shown.",
            examples=("operators rotate night-shift --overlap PT1H", "operators rotate night-shift --overlap PT0S"),
            method="POST",
            path="/operators/{name}/rotate",
            params=(_name, _overlap),
            secret="key",  # noqa: S106
        ),
        Operation(
            name="start-key",
            help="Show whether the key of --operator-key is valid.",
            examples=("operators start-key",),
            path="/start-key",
            columns="state prefix lastUseTime:last_use retireTime:retired",
        ),
        Operation(
            name="retire-start-key",
            help="Retire the key of --operator-key: it is refused from now on, after a restart too. "
            "An operator with the role admin must exist.",
            examples=("operators retire-start-key --yes",),
            method="DELETE",
            path="/start-key",
            confirm=("retire", "Type retire to retire the key of --operator-key"),
            message="the key of --operator-key is retired",
        ),
        _delete("operators", "name", "Delete an operator; its key stops working.", "night-shift"),
    ),
    "device-keys": (
        Operation(
            name="list",
            help="List the account's device keys.",
            examples=(f"device-keys list {ACCOUNT}",),
            path="/accounts/{account}/device-keys",
            rows="deviceKeys",
            cursor="name",
            columns=f"name:key deviceId:device createTime:created {_KEYS}",
            empty="No device keys. Create one: fotapool device-keys create ACCOUNT NAME",
        ),
        Operation(
            name="create",
            help="Create a key for one device or for all of the account; it is generated and shown.",
            examples=(f"device-keys create {ACCOUNT} factory",),
            method="POST",
            path="/accounts/{account}/device-keys",
            params=(_name, click.option("--device", "deviceId", help="IMEI of the device; default: all devices.")),
            secret="key",  # noqa: S106
        ),
        Operation(
            name="rotate",
            help="Replace a device key; the new one is generated and shown.",
            examples=(f"device-keys rotate {ACCOUNT} factory --overlap P30D",),
            method="POST",
            path="/accounts/{account}/device-keys/{name}/rotate",
            params=(_name, _overlap),
            secret="key",  # noqa: S106
        ),
        Operation(
            name="delete",
            help="Delete a device key; devices that use it are rejected.",
            examples=(f"device-keys delete {ACCOUNT} factory --yes",),
            method="DELETE",
            path="/accounts/{account}/device-keys/{name}",
            params=(_name,),
            confirm=("name", "Type {name} to delete it"),
            message="{name} is deleted",
        ),
    ),
    "sessions": (
        Operation(
            name="list",
            help="List who is signed in, the latest first: users by default, or clients, or operators in the console.",
            examples=("sessions list", "sessions list --kind console", "sessions list --name zbeeblebrox"),
            path="/sessions",
            params=(_kind, click.option("--name", help="Only of this user, client or operator.")),
            cursor="cursor",
            columns="id name createTime:since lastUseTime:last_use expireTime:expires address",
            empty="Nobody is signed in.",
        ),
        Operation(
            name="end",
            help="End one session or bearer token.",
            examples=("sessions end user-3f9a1b2c3d4e5f60",),
            method="DELETE",
            path="/sessions/{session}",
            params=(click.argument("session"),),
            message="session {session} has ended",
        ),
        Operation(
            name="end-all",
            help="End all sessions of a user, a client, or an operator in the console.",
            examples=("sessions end-all zbeeblebrox", "sessions end-all trillian --kind console"),
            method="POST",
            path="/sessions/end",
            params=(_name, _kind),
            message="{ended} sessions of {name} have ended",
        ),
    ),
}
