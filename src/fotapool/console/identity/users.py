"""The page of one API user: its accounts, password, lock and sessions."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.app.rendering import plural
from fotapool.console.identity.access import USERS, given_secret, show_secret, typed_accounts
from fotapool.domain.errors import Invalid, NotFound
from fotapool.domain.identity import Role
from fotapool.services.identity import users


async def show_user(call: ConsoleCall, error: str = "", accounts: str | None = None) -> Response:
    """The page of the user. After a rejected form it says why (`error`), and shows the form's `accounts` again."""
    user = await users.get_user(call.context, call.request.path_params["username"])
    return await call.page(
        "identity/access_user.html",
        f"API user {user.username}",
        400 if error else 200,
        user=user,
        error=error,
        accounts="\n".join(user.accounts) if accounts is None else accounts,
    )


async def change_user(call: ConsoleCall) -> Response:
    username = call.request.path_params["username"]
    try:
        user = await users.change_accounts(call.context, username, typed_accounts(call))
    except (Invalid, NotFound) as error:
        return await show_user(call, str(error), call.field("accounts"))
    back = f"{USERS}/users/{quote(username, safe='')}"
    return await call.go(back, f"User {username} has access to {plural(len(user.accounts), 'account')}.")


async def set_password(call: ConsoleCall) -> Response:
    username, given = call.request.path_params["username"], given_secret(call, "password")
    try:
        password = await users.set_password(call.context, username, given)
    except Invalid as error:
        return await show_user(call, str(error))
    facts = [("User name", username), ("Password", password)]
    return await show_secret(call, title="Password changed", facts=facts, back=USERS, is_generated=given is None)


_PATH = "/access/users/{username}"
PAGES = (
    ConsolePage("GET", _PATH, show_user),
    ConsolePage("POST", _PATH + "/accounts", change_user, role=Role.ADMIN),
    ConsolePage("POST", _PATH + "/password", set_password, action="setUserPassword", role=Role.ADMIN),
)
