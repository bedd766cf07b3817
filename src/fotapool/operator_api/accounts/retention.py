"""Operations on stored data that has an age limit: what would be deleted, and deleting it now."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fotapool.domain.accounts.retention import Kind
from fotapool.domain.identity import Role
from fotapool.operator_api.calls import OperatorCall, time_or_none
from fotapool.services.accounts import retention
from fotapool.web.operations import Operation

_Rows = Annotated[int, msgspec.Meta(ge=0)]


class RetentionView(msgspec.Struct):
    """A kind of data, and for how many days it is stored; 0 for ever. Older data is from before `before`.

    `rows` is how many rows a purge deletes now, counted up to 100,000.
    """

    kind: Kind
    days: int
    before: str | None
    rows: _Rows


class RetentionList(msgspec.Struct):
    retention: list[RetentionView]


class Purge(msgspec.Struct, forbid_unknown_fields=True):
    """The kinds to delete; default: all."""

    kinds: list[Kind] = []


class PurgedView(msgspec.Struct):
    """How many rows were deleted. If it is not `complete`, more are old enough: purge again."""

    kind: Kind
    deleted: _Rows
    complete: bool


class PurgeResult(msgspec.Struct):
    purged: list[PurgedView]


async def read_retention(call: OperatorCall) -> RetentionList:
    """Read for how long each kind of data is stored, and how much is older."""
    views = await retention.read_retention(call.context)
    return RetentionList([RetentionView(one.kind, one.days, time_or_none(one.before_ms), one.rows) for one in views])


async def purge_data(call: OperatorCall, given: Purge) -> PurgeResult:
    """Delete the data that is older than its setting says, as the worker does every ten minutes."""
    done = await retention.purge_old_data(call.context, given.kinds or tuple(Kind))
    return PurgeResult([PurgedView(one.kind, one.deleted, one.complete) for one in done])


OPERATIONS = (
    Operation("GET", "/retention", read_retention),
    Operation("POST", "/retention/purge", purge_data, role=Role.ADMIN),
)
