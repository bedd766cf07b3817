"""Operations on users, clients and operators."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import msgspec
from starlette.responses import Response

from fotapool.core.timestamps import time_text
from fotapool.domain.identity import Role
from fotapool.operator_api.accounts.accounts import AccountName
from fotapool.operator_api.requests import OperatorCall, OperatorOperation, answer, no_content
from fotapool.services.identity import api_clients, credentials, operators, users

Name = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": credentials.NAME_PATTERN})]
Key = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": credentials.KEY_PATTERN})]
Secret = Annotated[
    str,
    msgspec.Meta(extra_json_schema={"pattern": "^[^\\u0000]*$", "minLength": 1, "maxLength": credentials.MAX_SECRET}),
]
Accounts = Annotated[list[AccountName], msgspec.Meta(extra_json_schema={"maxItems": users.MAX_ACCOUNTS})]


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
    """Its role: viewer, editor or admin, which everyone is who is not given another."""

    name: Name
    role: Role = Role.ADMIN


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


async def create_user(call: OperatorCall) -> Response:
    given = await call.body(NewUser)
    password = await users.create_user(call.context, given.username, given.password, given.accounts)
    return answer(CreatedUser(given.username, password, given.accounts), 201)


async def list_users(call: OperatorCall) -> Response:
    limit = call.limit()
    found = await users.list_users(call.context, call.after(), limit + 1)
    views = [UserView(user.username, user.accounts, user.locked) for user in found[:limit]]
    return answer(UserList(views, len(found) > limit))


async def unlock_user(call: OperatorCall) -> Response:
    await users.unlock_user(call.context, call.request.path_params["username"])
    return no_content()


async def delete_user(call: OperatorCall) -> Response:
    await users.delete_user(call.context, call.request.path_params["username"])
    return no_content()


async def create_client(call: OperatorCall) -> Response:
    given = await call.body(NewClient)
    key, secret = await api_clients.create_client(call.context, given.key, given.secret)
    return answer(CreatedClient(key, secret), 201)


async def list_clients(call: OperatorCall) -> Response:
    limit = call.limit()
    rows = await api_clients.list_clients(call.context, call.after(), limit + 1)
    return answer(ClientList([ClientView(key, time_text(at)) for key, at in rows[:limit]], len(rows) > limit))


async def delete_client(call: OperatorCall) -> Response:
    await api_clients.delete_client(call.context, call.request.path_params["key"])
    return no_content()


async def create_operator(call: OperatorCall) -> Response:
    given = await call.body(NewOperator)
    key = await operators.create_operator(call.context, given.name, given.role)
    return answer(CreatedOperator(given.name, given.role, key), 201)


async def list_operators(call: OperatorCall) -> Response:
    limit = call.limit()
    found = await operators.list_operators(call.context, call.after(), limit + 1)
    views = [OperatorView(one.name, one.role, time_text(one.created_ms)) for one in found[:limit]]
    return answer(OperatorList(views, len(found) > limit))


async def delete_operator(call: OperatorCall) -> Response:
    await operators.delete_operator(call.context, call.request.path_params["operator"])
    return no_content()


_PAGE = (("after", "the last name of the page before"), ("limit", "rows of a page, 1 to 1000; 100 by default"))

_OPERATIONS = (
    OperatorOperation(
        name="create_user",
        method="POST",
        path="/users",
        handle=create_user,
        summary="Create a user of some accounts",
        response=CreatedUser,
        status=201,
        request=NewUser,
    ),
    OperatorOperation(
        name="list_users",
        method="GET",
        path="/users",
        handle=list_users,
        summary="List users, their accounts, and who is locked",
        response=UserList,
        query=_PAGE,
    ),
    OperatorOperation(
        name="unlock_user",
        method="POST",
        path="/users/{username}/unlock",
        handle=unlock_user,
        summary="Let a locked user log in again",
        response=None,
        status=204,
    ),
    OperatorOperation(
        name="delete_user",
        method="DELETE",
        path="/users/{username}",
        handle=delete_user,
        summary="Delete a user and end its sessions",
        response=None,
        status=204,
    ),
    OperatorOperation(
        name="create_client",
        method="POST",
        path="/clients",
        handle=create_client,
        summary="Create an OAuth client",
        response=CreatedClient,
        status=201,
        request=NewClient,
    ),
    OperatorOperation(
        name="list_clients",
        method="GET",
        path="/clients",
        handle=list_clients,
        summary="List OAuth clients",
        response=ClientList,
        query=_PAGE,
    ),
    OperatorOperation(
        name="delete_client",
        method="DELETE",
        path="/clients/{key}",
        handle=delete_client,
        summary="Delete an OAuth client and its token",
        response=None,
        status=204,
    ),
    OperatorOperation(
        name="create_operator",
        method="POST",
        path="/operators",
        handle=create_operator,
        summary="Create an operator key",
        response=CreatedOperator,
        status=201,
        request=NewOperator,
    ),
    OperatorOperation(
        name="list_operators",
        method="GET",
        path="/operators",
        handle=list_operators,
        summary="List operators",
        response=OperatorList,
        query=_PAGE,
    ),
    OperatorOperation(
        name="delete_operator",
        method="DELETE",
        path="/operators/{operator}",
        handle=delete_operator,
        summary="Take an operator's key away",
        response=None,
        status=204,
    ),
)

OPERATIONS = tuple(
    operation if operation.method == "GET" else replace(operation, role=Role.ADMIN) for operation in _OPERATIONS
)
