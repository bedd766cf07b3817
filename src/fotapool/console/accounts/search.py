"""The search over all accounts."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from fotapool.console.app.errors import sentence
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.identity.sessions import PATH
from fotapool.domain.accounts.search import MAX_FOUND, ResultKind
from fotapool.domain.errors import Invalid
from fotapool.services.accounts.search import SearchResults, search

LABELS = {
    ResultKind.DEVICE: "Devices",
    ResultKind.ACCOUNT: "Accounts",
    ResultKind.CAMPAIGN: "Campaigns",
    ResultKind.FIRMWARE: "Firmware",
    ResultKind.USER: "API users",
    ResultKind.CHANGE: "Changes in ledgers",
    ResultKind.AUDIT_ENTRY: "Audit log",
}
WITHOUT_ACCOUNT = {ResultKind.ACCOUNT, ResultKind.FIRMWARE, ResultKind.USER}
"""The kinds whose results need no column with an account."""


async def show_results(call: ConsoleCall) -> Response:
    """The results; goes to the page of a single one that the text names."""
    text = call.text("q")
    results, problem = SearchResults(text), ""
    try:
        results = await search(call.context, text)
    except Invalid as error:
        problem = sentence(str(error))
    if results.only is not None:
        return RedirectResponse(PATH + results.only.page, 303)
    return await call.page(
        "accounts/search.html",
        f"Search results for “{text}”" if text else "Search",
        400 if problem and text else 200,
        search_text=text,
        problem=problem,
        groups={kind: [one for one in results.found if one.kind is kind] for kind in LABELS},
        labels=LABELS,
        has_account=lambda kind: kind not in WITHOUT_ACCOUNT,
        more=results.more,
        max_found=MAX_FOUND,
    )


PAGES = (ConsolePage("GET", "/search", show_results),)
