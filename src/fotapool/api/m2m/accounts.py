"""Connectivity Management: the account (SDK model Account)."""

from __future__ import annotations

import msgspec

from fotapool.api.common.operations import Call, Evidence, OperationTable


class Account(msgspec.Struct):
    """Carriers, features, IP pools and service plans are not known here, and are left out."""

    accountName: str
    accountNumber: str


operations = OperationTable()


@operations.get(
    "M2M-2",
    "/accounts/{account}",
    evidence=Evidence.SDK,
    sdk="accounts.get_account_information",
    notes="`accountNumber` is the name, as in the SDK's example. Organization, carriers, features, IP pools and "
    "service plans are not known and left out.",
)
async def get_account(call: Call) -> Account:
    """Read the account."""
    return Account(call.account, call.account)
