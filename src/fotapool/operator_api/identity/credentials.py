"""Operations on users, clients and operators."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import msgspec
from starlette.responses import Response

from fotapool.core.timestamps import time_text
from fotapool.domain.identity.roles import Role
from fotapool.operator_api.accounts.accounts import AccountName
from fotapool.operator_api.requests import ControlCall, ControlOperation, answer, no_content
from fotapool.services.identity import credentials

Name = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": credentials.NAME_PATTERN})]
Key = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": credentials.KEY_PATTERN})]
Secret = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={"pattern": "^[^\\u0000]*$", "minLength": 1, "maxLength": credentials.MAX_SECRET},
    ),
]
Accounts = Annotated[list[AccountName], msgspec.Meta(extra_json_schema={"maxItems": credentials.MAX_ACCOUNTS})]


class NewUser(msgspec.Struct, forbid_unknown_fields=True):
    """Without a password, one is made."""

    username: Name
    password: Secret | None = None
    accounts: Accounts = []


class CreatedUser(msgspec.Struct):
    """The password is shown this once."""

    username: str
    password: str
    accounts: list[str]


class UserView(msgspec.Struct):
    username: str
    accounts: list[str]
    locked: bool


class UserList(msgspec.Struct):
    users: list[UserView]
    hasMoreData: bool


class NewClient(msgspec.Struct, forbid_unknown_fields=True):
    """What is missing is made."""

    key: Key | None = None
    secret: Secret | None = None


class CreatedClient(msgspec.Struct):
    """The secret is shown this once."""

    key: str
    secret: str


class ClientView(msgspec.Struct):
    key: str
    createTime: str


class ClientList(msgspec.Struct):
    clients: list[ClientView]
    hasMoreData: bool


class NewOperator(msgspec.Struct, forbid_unknown_fields=True):
    """Its role: look, change, or administer, which everyone is who is not given another."""

    name: Name
    role: Role = Role.ADMINISTER


class CreatedOperator(msgspec.Struct):
    """The key is shown this once."""

    name: str
    role: Role
    key: str


class OperatorView(msgspec.Struct):
    name: str
    role: Role
    createTime: str


class OperatorList(msgspec.Struct):
    operators: list[OperatorView]
    hasMoreData: bool


async def create_user(call: ControlCall) -> Response:
    given = await call.body(NewUser)
    password = await credentials.create_user(call.context, given.username, given.password, given.accounts)
    return answer(CreatedUser(given.username, password, given.accounts), 201)


async def list_users(call: ControlCall) -> Response:
    limit = call.limit()
    found = await credentials.list_users(call.context, call.after(), limit + 1)
    views = [UserView(user.username, user.accounts, user.locked) for user in found[:limit]]
    return answer(UserList(views, len(found) > limit))


async def unlock_user(call: ControlCall) -> Response:
    await credentials.unlock_user(call.context, call.request.path_params["username"])
    return no_content()


async def delete_user(call: ControlCall) -> Response:
    await credentials.delete_user(call.context, call.request.path_params["username"])
    return no_content()


async def create_client(call: ControlCall) -> Response:
    given = await call.body(NewClient)
    key, secret = await credentials.create_client(call.context, given.key, given.secret)
    return answer(CreatedClient(key, secret), 201)


async def list_clients(call: ControlCall) -> Response:
    limit = call.limit()
    rows = await credentials.list_clients(call.context, call.after(), limit + 1)
    return answer(ClientList([ClientView(key, time_text(at)) for key, at in rows[:limit]], len(rows) > limit))


async def delete_client(call: ControlCall) -> Response:
    await credentials.delete_client(call.context, call.request.path_params["key"])
    return no_content()


async def create_operator(call: ControlCall) -> Response:
    given = await call.body(NewOperator)
    key = await credentials.create_operator(call.context, given.name, given.role)
    return answer(CreatedOperator(given.name, given.role, key), 201)


async def list_operators(call: ControlCall) -> Response:
    limit = call.limit()
    found = await credentials.list_operators(call.context, call.after(), limit + 1)
    views = [OperatorView(one.name, one.role, time_text(one.created_ms)) for one in found[:limit]]
    return answer(OperatorList(views, len(found) > limit))


async def delete_operator(call: ControlCall) -> Response:
    await credentials.delete_operator(call.context, call.request.path_params["operator"])
    return no_content()


_PAGE = (
    ("after", "the last name of the page before"),
    ("limit", "rows of a page, 1 to 1000; 100 by default"),
)

_OPERATIONS = (
    ControlOperation(
        "create_user", "POST", "/users", create_user, "Create a user of some accounts", CreatedUser, 201, NewUser
    ),
    ControlOperation(
        "list_users",
        "GET",
        "/users",
        list_users,
        "List users, their accounts, and who is locked",
        UserList,
        query=_PAGE,
    ),
    ControlOperation(
        "unlock_user", "POST", "/users/{username}/unlock", unlock_user, "Let a locked user log in again", None, 204
    ),
    ControlOperation(
        "delete_user", "DELETE", "/users/{username}", delete_user, "Delete a user and end its sessions", None, 204
    ),
    ControlOperation(
        "create_client", "POST", "/clients", create_client, "Create an OAuth client", CreatedClient, 201, NewClient
    ),
    ControlOperation("list_clients", "GET", "/clients", list_clients, "List OAuth clients", ClientList, query=_PAGE),
    ControlOperation(
        "delete_client", "DELETE", "/clients/{key}", delete_client, "Delete an OAuth client and its token", None, 204
    ),
    ControlOperation(
        "create_operator",
        "POST",
        "/operators",
        create_operator,
        "Create an operator key",
        CreatedOperator,
        201,
        NewOperator,
    ),
    ControlOperation(
        "list_operators", "GET", "/operators", list_operators, "List operators", OperatorList, query=_PAGE
    ),
    ControlOperation(
        "delete_operator", "DELETE", "/operators/{operator}", delete_operator, "Take an operator's key away", None, 204
    ),
)

OPERATIONS = tuple(
    operation if operation.method == "GET" else replace(operation, role=Role.ADMINISTER) for operation in _OPERATIONS
)
