"""Compares a file of the carrier's licenses with those here: a page, or all differences as a file."""

from __future__ import annotations

from starlette.responses import Response, StreamingResponse

from fotapool.console.app.downloads import CSV, attachment
from fotapool.console.app.errors import sentence
from fotapool.console.app.forms import chunks_of
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.domain.errors import Invalid
from fotapool.domain.identity import Role
from fotapool.domain.names import is_account_name
from fotapool.services.billing.carrier_lists import CarrierFile, CarrierList
from fotapool.services.billing.reconciliation import Reconciliation, differences_csv, reconcile

SHOWN = 100
"""Maximum number of accounts and of devices on the page; the CSV file has all."""


async def _read(call: ConsoleCall) -> CarrierList:
    """The file of the form. Raises Invalid."""
    upload, account = call.upload("file"), call.field("account")
    if upload is None:
        raise Invalid("choose the carrier's file: CSV, or license status pages as JSON")
    if account and not is_account_name(account):
        raise Invalid(f"{account[:40]!r} is not the name of an account")
    file = CarrierFile(account or None, call.context.settings.max_import_line_bytes)
    async for chunk in chunks_of(upload):
        file.feed(chunk)
    return file.close()


async def _page(
    call: ConsoleCall, result: Reconciliation | None = None, problem: str = "", file_name: str = ""
) -> Response:
    return await call.page(
        "billing/reconciliation.html",
        "Reconciliation",
        400 if problem else 200,
        result=result,
        problem=problem,
        file_name=file_name,
        given_account=call.field("account"),
        shown=SHOWN,
    )


async def show_reconciliation(call: ConsoleCall) -> Response:
    return await _page(call)


async def compare(call: ConsoleCall) -> Response:
    """The differences as a page, or with the button `csv` as a file."""
    try:
        carrier = await _read(call)
    except Invalid as error:
        return await _page(call, problem=sentence(str(error)))
    if not call.field("csv"):
        upload = call.upload("file")
        name = upload.filename if upload and upload.filename else ""
        return await _page(call, await reconcile(call.context, carrier), file_name=name)
    blocks = await differences_csv(call.context, carrier)
    return StreamingResponse(blocks, headers=attachment("reconciliation.csv"), media_type=CSV)


_PATH = "/billing/reconciliation"
PAGES = (
    ConsolePage("GET", _PATH, show_reconciliation),
    ConsolePage("POST", _PATH, compare, role=Role.VIEWER, reads_only=True),
)
