"""Reconciliation: a file of the carrier's licenses is compared with those here; nothing is changed."""

from __future__ import annotations

from msgspec.structs import replace
from starlette.responses import Response, StreamingResponse

from fotapool.domain.identity import Role
from fotapool.operator_api.calls import OperatorCall
from fotapool.services.billing.carrier_lists import CarrierFile
from fotapool.services.billing.reconciliation import Reconciliation, differences_csv, reconcile
from fotapool.web.endpoint import JSON, json_response
from fotapool.web.operations import Operation
from fotapool.web.parameters import account_parameter, choice_parameter

CSV, NDJSON = "text/csv", "application/x-ndjson"
OF_ACCOUNT = account_parameter("account", "the account of lines that name none")
FORMAT = replace(choice_parameter("format", "json, the default, or csv", {"json": JSON, "csv": CSV}), default=JSON)


async def reconcile_licenses(call: OperatorCall) -> Response:
    """Compare the carrier's licenses with those here, by account and device. Changes nothing.

    The body is a file: CSV with account and licenseCount, used or both; CSV with account and imei; or license status
    pages of the documented API as JSON, one after another. CSV returns every difference, JSON the first 1,000 of
    accounts and of devices.
    """
    carrier = CarrierFile(call.find(OF_ACCOUNT), call.context.settings.max_import_line_bytes)
    async for chunk in call.request.stream():
        carrier.feed(chunk)
    if call.get(FORMAT) == JSON:
        return json_response(await reconcile(call.context, carrier.close()))
    blocks = await differences_csv(call.context, carrier.close())
    headers = {"Content-Disposition": 'attachment; filename="reconciliation.csv"'}
    return StreamingResponse(blocks, headers=headers, media_type=CSV)


_PAGE = {
    "accountName": "0242078689-00001",
    "totalLicense": 5,
    "assignedLicenses": 1,
    "hasMoreData": False,
    "deviceList": [{"deviceId": "990003425730535", "assignmentTime": "2026-03-01T00:00:00Z"}],
}
_SCHEMA = {"type": "string", "description": "docs/reference/statements.md has the forms"}
OPERATIONS = (
    Operation(
        "POST",
        "/reconciliation",
        reconcile_licenses,
        role=Role.VIEWER,
        reads_only=True,
        parameters=(OF_ACCOUNT, FORMAT),
        reads=bytes,
        answers=Reconciliation,
        consumes={
            JSON: {"schema": {}, "examples": {"one": {"value": _PAGE}}},
            CSV: {
                "schema": _SCHEMA,
                "examples": {"one": {"value": "account,licenseCount,used\n0242078689-00001,5,1\n"}},
            },
        },
        produces={CSV: "A difference a line, with a header"},
    ),
)
