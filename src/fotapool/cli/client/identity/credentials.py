"""`fotapool users …`, `clients …`, `operators …` and `device-keys …`: the credentials of the APIs."""

from __future__ import annotations

from fotapool.cli.client.resources import resource_group


@resource_group
def users() -> None:
    """Manage users, who sign in to accounts with a password.

    \b
    Examples:
      fotapool users list
      fotapool users create zbeeblebrox --account 0242078689-00001
      fotapool users change zbeeblebrox --add 0242078689-00002
      fotapool users unlock zbeeblebrox
    """


@resource_group
def clients() -> None:
    """Manage OAuth clients, the programs that sign in with a key and a secret.

    \b
    Examples:
      fotapool clients list
      fotapool clients create --key my-program
    """


@resource_group
def operators() -> None:
    """Manage operators, their keys and roles in the operator API.

    \b
    Examples:
      fotapool operators list
      fotapool operators create night-shift --role viewer
      fotapool operators rotate night-shift
    """


@resource_group
def device_keys() -> None:
    """Manage the keys that devices use.

    \b
    Examples:
      fotapool device-keys list 0242078689-00001
      fotapool device-keys create 0242078689-00001 factory
    """


@resource_group
def sessions() -> None:
    """List who is signed in, and end sessions.

    \b
    Examples:
      fotapool sessions list
      fotapool sessions end-all zbeeblebrox
    """
