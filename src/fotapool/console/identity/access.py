"""Who may do what: users of the API with their accounts, clients, and operators with their roles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.identity.sessions import PATH
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.domain.identity import Role
from fotapool.services.identity import api_clients, operators, users

ROWS = 50
ACCOUNTS_SHOWN = 5
"""How many accounts of a user stand in the list; a tooltip would be no place for the others."""
USERS, CLIENTS, OPERATORS = (f"{PATH}/access{part}" for part in ("", "/clients", "/operators"))
_TYPED = ("username", "accounts", "key", "name", "role")
"""Fields that are shown again when a form is refused: never a secret."""
ROLE_WORDS = {
    Role.VIEWER: "sees everything, changes nothing",
    Role.EDITOR: "also changes accounts, subscriptions, devices, licenses, campaigns and callbacks",
    Role.ADMIN: "also manages users, clients, operators and device keys",
}

Row = TypeVar("Row")


def _paged(rows: Sequence[Row]) -> tuple[Sequence[Row], bool]:
    return rows[:ROWS], len(rows) > ROWS


async def show_users(call: ConsoleCall) -> Response:
    return await _users(call)


async def _users(call: ConsoleCall, status: int = 200, error: str = "") -> Response:
    after = call.text("after")
    rows, more = _paged(await users.list_users(call.context, after, ROWS + 1))
    return await call.page(
        "identity/access_users.html",
        "Users",
        status,
        users=rows,
        after=after,
        shown=ACCOUNTS_SHOWN,
        next_after=rows[-1].username if more else None,
        **_form(call, error),
    )


def _form(call: ConsoleCall, error: str) -> dict[str, Any]:
    """What the form to create one shows: what was typed, and why it was refused."""
    return {"error": error, "typed": {name: call.field(name) for name in _TYPED}}


async def create_user(call: ConsoleCall) -> Response:
    accounts = list(dict.fromkeys(re.split(r"[\s,;]+", call.field("accounts"))))
    given = _secret(call, "password")
    try:
        password = await users.create_user(
            call.context, call.field("username"), given, [name for name in accounts if name]
        )
    except (Invalid, Conflict, NotFound) as error:
        return await _users(call, 400, str(error))
    words = [("User name", call.field("username")), ("Password", password)]
    return await _once(call, done="The user is there.", words=words, back=USERS, what="password", made=given is None)


def _secret(call: ConsoleCall, name: str) -> str | None:
    """What was typed, spaces and all; None stands for one that is to be made."""
    value = call.form.get(name)
    return value if isinstance(value, str) and value else None


async def _once(
    call: ConsoleCall, done: str, words: Sequence[tuple[str, str]], back: str, what: str, made: bool
) -> Response:
    """The answer to the POST itself: the secret is in no address, cookie or log, and not shown again."""
    return await call.page(
        "identity/secret_created.html", f"The {what}", done=done, words=words, back=back, what=what, made=made
    )


async def unlock_user(call: ConsoleCall) -> Response:
    await users.unlock_user(call.context, call.field("name"))
    return await call.go(USERS, f"{call.field('name')} may log in again.")


async def delete_user(call: ConsoleCall) -> Response:
    await users.delete_user(call.context, call.field("name"))
    return await call.go(USERS, f"User {call.field('name')} is deleted; its sessions have ended.")


async def show_clients(call: ConsoleCall) -> Response:
    return await _clients(call)


async def _clients(call: ConsoleCall, status: int = 200, error: str = "") -> Response:
    after = call.text("after")
    rows, more = _paged(await api_clients.list_clients(call.context, after, ROWS + 1))
    return await call.page(
        "identity/access_clients.html",
        "Clients",
        status,
        clients=rows,
        after=after,
        next_after=rows[-1][0] if more else None,
        **_form(call, error),
    )


async def create_client(call: ConsoleCall) -> Response:
    given = _secret(call, "secret")
    try:
        key, secret = await api_clients.create_client(call.context, call.field("key") or None, given)
    except (Invalid, Conflict) as error:
        return await _clients(call, 400, str(error))
    words = [("Key", key), ("Secret", secret)]
    return await _once(call, done="The client is there.", words=words, back=CLIENTS, what="secret", made=given is None)


async def delete_client(call: ConsoleCall) -> Response:
    await api_clients.delete_client(call.context, call.field("name"))
    return await call.go(CLIENTS, f"Client {call.field('name')} is deleted; its token does not count any more.")


async def show_operators(call: ConsoleCall) -> Response:
    return await _operators(call)


async def _operators(call: ConsoleCall, status: int = 200, error: str = "") -> Response:
    after = call.text("after")
    rows, more = _paged(await operators.list_operators(call.context, after, ROWS + 1))
    return await call.page(
        "identity/access_operators.html",
        "Operators",
        status,
        operators=rows,
        after=after,
        roles=ROLE_WORDS,
        has_first=call.context.settings.operator_key is not None,
        first=operators.FIRST_OPERATOR,
        next_after=rows[-1].name if more else None,
        **_form(call, error),
    )


async def create_operator(call: ConsoleCall) -> Response:
    try:
        role = Role(call.field("role"))
    except ValueError:
        return await _operators(call, 400, f"role must be one of {', '.join(one.value for one in Role)}")
    try:
        key = await operators.create_operator(call.context, call.field("name"), role)
    except (Invalid, Conflict) as error:
        return await _operators(call, 400, str(error))
    words = [("Name", call.field("name")), ("Role", f"{role.value}: {ROLE_WORDS[role]}"), ("Key", key)]
    return await _once(call, done="The operator is there.", words=words, back=OPERATORS, what="key", made=True)


async def delete_operator(call: ConsoleCall) -> Response:
    await operators.delete_operator(call.context, call.field("name"))
    words = f"The key of {call.field('name')} is taken away; whoever was signed in with it is not any more."
    return await call.go(OPERATORS, words)


def _page(method: str, path: str, handle: Any) -> ConsolePage:
    return ConsolePage(method, f"/access{path}", handle, role=None if method == "GET" else Role.ADMIN)


PAGES = (
    _page("GET", "", show_users),
    _page("POST", "", create_user),
    _page("POST", "/unlock", unlock_user),
    _page("POST", "/delete", delete_user),
    _page("GET", "/clients", show_clients),
    _page("POST", "/clients", create_client),
    _page("POST", "/clients/delete", delete_client),
    _page("GET", "/operators", show_operators),
    _page("POST", "/operators", create_operator),
    _page("POST", "/operators/delete", delete_operator),
)
