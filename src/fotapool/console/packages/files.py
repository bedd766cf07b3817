"""The configuration files that an account has uploaded."""

from __future__ import annotations

from starlette.responses import Response

from fotapool.console.app.listing import Listing
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.services.packages.files import list_account_files

ROWS = 50


async def show_files(call: ConsoleCall) -> Response:
    after = call.cursor("after")
    rows = await list_account_files(call.context, call.caller(), after or 0, ROWS + 1)
    found = Listing.after(rows, ROWS, after, lambda file: file.id)
    return await call.page("packages/files.html", "Configuration files", found=found)


PAGES = (ConsolePage("GET", "/accounts/{account}/files", show_files),)
