"""The access pages: API users with their accounts, API clients, and operators with their roles."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from starlette.responses import Response

from fotapool.console.app.listing import Listing
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.app.rendering import timestamp
from fotapool.console.identity.sessions import PATH
from fotapool.core.durations import parse_duration_ms
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.domain.identity import Role
from fotapool.services.context import Context
from fotapool.services.identity import api_clients, operators, users
from fotapool.services.identity.keys import start_key

Row = TypeVar("Row")

ROWS = 50
ACCOUNTS_SHOWN = 5
"""Maximum number of accounts that the list shows for each user."""
USERS, CLIENTS, OPERATORS = (f"{PATH}/access{part}" for part in ("", "/clients", "/operators"))
ROLE_LABELS = {
    Role.VIEWER: "read only",
    Role.EDITOR: "can also edit accounts, subscriptions, devices, licenses, campaigns and callbacks",
    Role.ADMIN: "can also manage API users, API clients, operators and device keys",
}


async def _show(call: ConsoleCall, template: str, title: str, error: str, **values: Any) -> Response:
    """A list with a form below it; `error` says why the form was rejected."""
    shown = typed(call, "username", "accounts", "key", "name", "role")
    return await call.page(f"identity/{template}", title, 400 if error else 200, error=error, typed=shown, **values)


async def _read(
    call: ConsoleCall, read: Callable[[Context, str, int], Awaitable[list[Row]]], name_of: Callable[[Row], str]
) -> Listing[Row]:
    after = call.text("after")
    return Listing.after(await read(call.context, after, ROWS + 1), ROWS, after, name_of)


async def show_users(call: ConsoleCall, error: str = "") -> Response:
    name = call.text("user")
    if name:
        found = Listing([await users.get_user(call.context, name)], query={"user": name})
    else:
        found = await _read(call, users.list_users, lambda user: user.username)
    return await _show(call, "access_users.html", "API users", error, users=found, accounts_shown=ACCOUNTS_SHOWN)


def typed(call: ConsoleCall, *names: str) -> dict[str, str]:
    """The fields of the form, to show again if it is rejected. Never for secrets."""
    return {name: call.field(name) for name in names}


async def create_user(call: ConsoleCall) -> Response:
    username, given = call.field("username"), given_secret(call, "password")
    accounts = typed_accounts(call)
    try:
        password = await users.create_user(call.context, username, given, accounts)
    except (Invalid, Conflict, NotFound) as error:
        return await show_users(call, str(error))
    facts = [("User name", username), ("Password", password)]
    return await show_secret(call, title="API user created", facts=facts, back=USERS, is_generated=given is None)


def typed_accounts(call: ConsoleCall) -> list[str]:
    """The account names of the form, once each."""
    return list(dict.fromkeys(name for name in re.split(r"[\s,;]+", call.field("accounts")) if name))


def given_secret(call: ConsoleCall, name: str) -> str | None:
    """The secret exactly as typed; None to generate one."""
    value = call.form.get(name)
    return value if isinstance(value, str) and value else None


async def show_secret(
    call: ConsoleCall, title: str, facts: Sequence[tuple[str, str]], back: str, is_generated: bool = True
) -> Response:
    """The response to a POST that creates something with a secret, the last of `facts`.

    The secret is in no URL, cookie or log, and is not shown again.
    """
    return await call.page(
        "identity/secret_created.html", title, facts=facts[:-1], secret=facts[-1], back=back, is_generated=is_generated
    )


async def unlock_user(call: ConsoleCall) -> Response:
    await users.unlock_user(call.context, call.field("name"))
    return await call.go(USERS, f"User {call.field('name')} unlocked.")


async def delete_user(call: ConsoleCall) -> Response:
    await users.delete_user(call.context, call.field("name"))
    return await call.go(USERS, f"User {call.field('name')} deleted. Its sessions have ended.")


async def show_clients(call: ConsoleCall, error: str = "") -> Response:
    clients = await _read(call, api_clients.list_clients, lambda client: client.key)
    return await _show(call, "access_clients.html", "API clients", error, clients=clients)


async def create_client(call: ConsoleCall) -> Response:
    given = given_secret(call, "secret")
    try:
        key, secret = await api_clients.create_client(call.context, call.field("key") or None, given)
    except (Invalid, Conflict) as error:
        return await show_clients(call, str(error))
    facts = [("Key", key), ("Secret", secret)]
    return await show_secret(call, title="API client created", facts=facts, back=CLIENTS, is_generated=given is None)


async def rotate_client(call: ConsoleCall) -> Response:
    key, overlap_ms = call.field("name"), parse_duration_ms("overlap", call.field("overlap"))
    secret, expires_ms = await api_clients.rotate_client_secret(call.context, key, None, overlap_ms)
    facts = [("Key", key), ("Old secret", old_key_text(expires_ms)), ("Secret", secret)]
    return await show_secret(call, title="Client secret replaced", facts=facts, back=CLIENTS)


async def delete_client(call: ConsoleCall) -> Response:
    await api_clients.delete_client(call.context, call.field("name"))
    return await call.go(CLIENTS, f"Client {call.field('name')} deleted. Its token is no longer valid.")


async def show_operators(call: ConsoleCall, error: str = "") -> Response:
    found = await _read(call, operators.list_operators, lambda keys: keys[0].name)
    return await _show(
        call,
        "access_operators.html",
        "Operators",
        error,
        operators=found,
        role_labels=ROLE_LABELS,
        has_first=call.context.settings.operator_key is not None,
        start_key=await start_key.read_start_key_view(call.context),
        first=operators.FIRST_OPERATOR,
    )


async def create_operator(call: ConsoleCall) -> Response:
    name = call.field("name")
    try:
        role = Role(call.field("role"))
    except ValueError:
        return await show_operators(call, f"role must be one of {', '.join(one.value for one in Role)}")
    try:
        key = await operators.create_operator(call.context, name, role)
    except (Invalid, Conflict) as error:
        return await show_operators(call, str(error))
    facts = [("Name", name), ("Role", f"{role.value}: {ROLE_LABELS[role]}"), ("Key", key)]
    return await show_secret(call, title="Operator created", facts=facts, back=OPERATORS)


async def rotate_operator(call: ConsoleCall) -> Response:
    name, overlap_ms = call.field("name"), parse_duration_ms("overlap", call.field("overlap"))
    key, expires_ms = await operators.rotate_operator_key(call.context, name, overlap_ms)
    facts = [("Name", name), ("Old key", old_key_text(expires_ms)), ("Key", key)]
    return await show_secret(call, title="Operator key replaced", facts=facts, back=OPERATORS)


def old_key_text(expires_ms: int | None) -> str:
    """What becomes of a key that was replaced."""
    return "has ended" if expires_ms is None else f"valid until {timestamp(expires_ms)} UTC"


async def retire_start_key(call: ConsoleCall) -> Response:
    await start_key.retire_start_key(call.context)
    return await call.go(OPERATORS, "The key of --operator-key is retired.")


async def delete_operator(call: ConsoleCall) -> Response:
    await operators.delete_operator(call.context, call.field("name"))
    return await call.go(OPERATORS, f"Operator {call.field('name')} deleted. Its sessions have ended.")


def _page(method: str, path: str, handle: Any, action: str = "") -> ConsolePage:
    return ConsolePage(method, f"/access{path}", handle, role=None if method == "GET" else Role.ADMIN, action=action)


PAGES = (
    _page("GET", "", show_users),
    _page("POST", "", create_user),
    _page("POST", "/unlock", unlock_user),
    _page("POST", "/delete", delete_user),
    _page("GET", "/clients", show_clients),
    _page("POST", "/clients", create_client),
    _page("POST", "/clients/rotate", rotate_client, "rotateClientSecret"),
    _page("POST", "/clients/delete", delete_client),
    _page("GET", "/operators", show_operators),
    _page("POST", "/operators", create_operator),
    _page("POST", "/operators/rotate", rotate_operator, "rotateOperatorKey"),
    _page("POST", "/operators/retire-start-key", retire_start_key),
    _page("POST", "/operators/delete", delete_operator),
)
