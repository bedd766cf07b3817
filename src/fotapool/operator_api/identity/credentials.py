"""Operations on users, clients and operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.identity import Role
from fotapool.operator_api.accounts.accounts import AccountName
from fotapool.operator_api.calls import OperatorCall, time_or_none
from fotapool.operator_api.identity.keys import KeyView, Rotation, key_view, old_key_view
from fotapool.services.identity import api_clients, credentials, operators, users
from fotapool.store.identity.operators import Operator
from fotapool.store.identity.sessions import ListedClient
from fotapool.web.operations import Operation
from fotapool.web.parameters import AFTER_NAME, PAGE_BY_NAME

Name = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": credentials.NAME_PATTERN})]
Key = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": credentials.KEY_PATTERN})]
Secret = Annotated[
    str,
    msgspec.Meta(extra_json_schema={"pattern": "^[^\\u0000]*$", "minLength": 1, "maxLength": credentials.MAX_SECRET}),
]
Accounts = Annotated[list[AccountName], msgspec.Meta(extra_json_schema={"maxItems": users.MAX_ACCOUNTS})]


class NewUser(msgspec.Struct, forbid_unknown_fields=True):
    """Default of the password: a generated one."""

    username: Name
    password: Secret | None = None
    accounts: Accounts = []


class CreatedUser(msgspec.Struct):
    """The password is shown only in this answer."""

    username: str
    password: str
    accounts: list[str]


class ChangedUser(msgspec.Struct, forbid_unknown_fields=True):
    """`accounts` replaces the user's accounts; then those of `add` are added and those of `remove` removed."""

    accounts: Accounts | None = None
    add: Accounts = []
    remove: Accounts = []


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """Default: a generated password."""

    password: Secret | None = None


class UserPassword(msgspec.Struct):
    """The password is shown only in this answer."""

    username: str
    password: str


class UserView(msgspec.Struct):
    username: str
    accounts: list[str]
    locked: bool


class UserList(msgspec.Struct):
    users: list[UserView]
    hasMoreData: bool


class NewClient(msgspec.Struct, forbid_unknown_fields=True):
    """Default of both: generated."""

    key: Key | None = None
    secret: Secret | None = None


class CreatedClient(msgspec.Struct):
    """The secret is shown only in this answer."""

    key: str
    secret: str
    createTime: str


class NewSecret(Rotation):
    """The new secret, by default a generated one, and for how long the old one stays valid, at most 90 days."""

    secret: Secret | None = None


class RotatedSecret(msgspec.Struct):
    """The new secret is shown only in this answer. `oldSecretExpireTime` is null if the old one has ended."""

    key: str
    secret: str
    oldSecretExpireTime: str | None


class OldSecret(msgspec.Struct):
    """A secret that was replaced and is still valid."""

    expireTime: str
    lastTokenTime: str | None


class ClientView(msgspec.Struct):
    """`lastTokenTime`: when the latest bearer token was issued. `oldSecret` is null unless one was replaced."""

    key: str
    createTime: str
    lastTokenTime: str | None
    oldSecret: OldSecret | None


class ClientList(msgspec.Struct):
    clients: list[ClientView]
    hasMoreData: bool


class NewOperator(msgspec.Struct, forbid_unknown_fields=True):
    """An operator to create. The role is viewer, editor or admin; admin by default."""

    name: Name
    role: Role = Role.ADMIN


class CreatedOperator(msgspec.Struct):
    """The key is shown only in this answer."""

    name: str
    role: Role
    key: str


class RotatedKey(msgspec.Struct):
    """The new key is shown only in this answer. `oldKeyExpireTime` is null if the old key has ended."""

    name: str
    key: str
    oldKeyExpireTime: str | None


class OperatorView(msgspec.Struct):
    """An operator with its key, and with the one that was replaced while it is valid."""

    name: str
    role: Role
    createTime: str
    key: KeyView
    oldKey: KeyView | None


class OperatorList(msgspec.Struct):
    operators: list[OperatorView]
    hasMoreData: bool


async def create_user(call: OperatorCall, given: NewUser) -> CreatedUser:
    """Create a user of some accounts."""
    password = await users.create_user(call.context, given.username, given.password, given.accounts)
    return CreatedUser(given.username, password, given.accounts)


async def list_users(call: OperatorCall) -> UserList:
    """List users, their accounts, and who is locked."""
    found, more = call.page(await users.list_users(call.context, call.get(AFTER_NAME), call.read_limit))
    return UserList([_user_view(user) for user in found], more)


def _user_view(user: users.UserView) -> UserView:
    return UserView(user.username, user.accounts, user.locked)


async def read_user(call: OperatorCall) -> UserView:
    """Read a user."""
    return _user_view(await users.get_user(call.context, call.path["username"]))


async def change_user(call: OperatorCall, given: ChangedUser) -> UserView:
    """Change a user's accounts."""
    name = call.path["username"]
    return _user_view(
        await users.change_accounts(call.context, name, given.accounts, add=given.add, remove=given.remove)
    )


async def set_user_password(call: OperatorCall, given: NewPassword) -> UserPassword:
    """Set a user's password, end its sessions and unlock it."""
    name = call.path["username"]
    return UserPassword(name, await users.set_password(call.context, name, given.password))


async def unlock_user(call: OperatorCall) -> None:
    """Let a locked user log in again."""
    await users.unlock_user(call.context, call.path["username"])


async def delete_user(call: OperatorCall) -> None:
    """Delete a user and end its sessions."""
    await users.delete_user(call.context, call.path["username"])


async def create_client(call: OperatorCall, given: NewClient) -> CreatedClient:
    """Create an OAuth client."""
    key, secret = await api_clients.create_client(call.context, given.key, given.secret)
    return CreatedClient(key, secret, format_timestamp(call.context.clock.now_ms()))


async def list_clients(call: OperatorCall) -> ClientList:
    """List OAuth clients."""
    found, more = call.page(await api_clients.list_clients(call.context, call.get(AFTER_NAME), call.read_limit))
    return ClientList([_client_view(one) for one in found], more)


def _client_view(one: ListedClient) -> ClientView:
    old = None
    if one.old_expires_ms is not None:
        old = OldSecret(format_timestamp(one.old_expires_ms), time_or_none(one.old_token_ms))
    return ClientView(one.key, format_timestamp(one.created_ms), time_or_none(one.token_ms), old)


async def rotate_client_secret(call: OperatorCall, given: NewSecret) -> RotatedSecret:
    """Replace a client's secret; the old one stays valid for a while."""
    key = call.path["key"]
    secret, expires_ms = await api_clients.rotate_client_secret(call.context, key, given.secret, given.overlap_ms)
    return RotatedSecret(key, secret, time_or_none(expires_ms))


async def delete_client(call: OperatorCall) -> None:
    """Delete an OAuth client and its token."""
    await api_clients.delete_client(call.context, call.path["key"])


async def create_operator(call: OperatorCall, given: NewOperator) -> CreatedOperator:
    """Create an operator key."""
    key = await operators.create_operator(call.context, given.name, given.role)
    return CreatedOperator(given.name, given.role, key)


async def list_operators(call: OperatorCall) -> OperatorList:
    """List operators."""
    found, more = call.page(await operators.list_operators(call.context, call.get(AFTER_NAME), call.read_limit))
    return OperatorList([_operator_view(keys) for keys in found], more)


def _operator_view(keys: Sequence[Operator]) -> OperatorView:
    one = keys[0]
    created = format_timestamp(one.created_ms)
    return OperatorView(name=one.name, role=one.role, createTime=created, key=key_view(one), oldKey=old_key_view(keys))


async def rotate_operator_key(call: OperatorCall, given: Rotation) -> RotatedKey:
    """Replace an operator's key; the old one stays valid for a while."""
    name = call.path["operator"]
    key, expires_ms = await operators.rotate_operator_key(call.context, name, given.overlap_ms)
    return RotatedKey(name, key, time_or_none(expires_ms))


async def delete_operator(call: OperatorCall) -> None:
    """Delete an operator and revoke its key.

    409 for the last one with the role admin, unless the server has a valid `--operator-key`.
    """
    await operators.delete_operator(call.context, call.path["operator"])


OPERATIONS = (
    Operation("POST", "/users", create_user, status=201, role=Role.ADMIN),
    Operation("GET", "/users", list_users, parameters=PAGE_BY_NAME),
    Operation("GET", "/users/{username}", read_user),
    Operation("PATCH", "/users/{username}", change_user, role=Role.ADMIN),
    Operation("POST", "/users/{username}/password", set_user_password, role=Role.ADMIN),
    Operation("POST", "/users/{username}/unlock", unlock_user, role=Role.ADMIN),
    Operation("DELETE", "/users/{username}", delete_user, role=Role.ADMIN),
    Operation("POST", "/clients", create_client, status=201, role=Role.ADMIN),
    Operation("GET", "/clients", list_clients, parameters=PAGE_BY_NAME),
    Operation("POST", "/clients/{key}/rotate", rotate_client_secret, role=Role.ADMIN),
    Operation("DELETE", "/clients/{key}", delete_client, role=Role.ADMIN),
    Operation("POST", "/operators", create_operator, status=201, role=Role.ADMIN),
    Operation("GET", "/operators", list_operators, parameters=PAGE_BY_NAME),
    Operation("POST", "/operators/{operator}/rotate", rotate_operator_key, role=Role.ADMIN),
    Operation("DELETE", "/operators/{operator}", delete_operator, role=Role.ADMIN),
)
