"""Requests of the operator API: the operator key, its role, the account in the path."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from fotapool.core.logs.context import note_account
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.identity import Role
from fotapool.emulator.parts import EmulatorParts
from fotapool.services.accounts.accounts import get_account
from fotapool.services.audit_log.drafts import AuditDraft, Via
from fotapool.services.audit_log.entries import finish
from fotapool.services.context import Caller, Context
from fotapool.services.identity.device_keys import KeyUnknown
from fotapool.services.identity.operators import identify_operator
from fotapool.web.audited import draft_of
from fotapool.web.endpoint import JsonEndpoint, bearer_key
from fotapool.web.http import RequestIds, sender_address
from fotapool.web.operations import Call, Operation
from fotapool.web.parameters import device_parameter
from fotapool.web.problems import HttpError, Problem

BASE = "/control/v1"
ACCOUNT_PATH = "/accounts/{name}"
DEVICE_ID = device_parameter("deviceId").in_path()


class OperatorCall(Call):
    """A request of an operator."""

    operator: str
    role: Role
    parts: EmulatorParts | None

    @property
    def account_name(self) -> str:
        """The account in the path, which may not exist."""
        return self.path["name"]

    @property
    def emulator(self) -> EmulatorParts:
        """What the operations of the emulator work with; `serve` has none of them."""
        assert self.parts is not None
        return self.parts

    async def caller(self) -> Caller:
        """The operator, about the account in the path. Raises NotFound."""
        account = await get_account(self.context, self.account_name)
        return Caller(self.operator, self.request_id, account.id, account.name)


class OperatorEndpoint(JsonEndpoint[Operation]):
    """The operations of one path, for operators with the role that they need."""

    api = "operator"
    unknown_path = "the operator API has no such resource; see /docs"
    key_hint = "send the operator key as Authorization: Bearer KEY"
    realm = "fotapool operator API"

    def __init__(
        self,
        context: Context,
        request_ids: RequestIds,
        emulator: EmulatorParts | None,
        operations: Sequence[Operation],
    ) -> None:
        super().__init__(context, request_ids, operations)
        self._emulator = emulator

    async def respond(self, request: Request, request_id: str) -> Response:
        response = await super().respond(request, request_id)
        draft: AuditDraft | None = getattr(request.state, "audit", None)
        if draft is not None:
            if response.status_code >= 400:
                draft.reason = msgspec.json.decode(response.body, type=Problem).detail
            await finish(self.context, draft, response.status_code)
        response.headers.setdefault("Cache-Control", "no-store")  # answers may have secrets
        return response

    async def identify(self, operation: Operation, request: Request, request_id: str) -> OperatorCall:
        operator = await identify_operator(
            self.context,
            bearer_key(request),
            via=Via.OPERATOR_API,
            address=sender_address(request.scope),
            request_id=request_id,
        )
        if operator is None:
            raise KeyUnknown
        if operation.path.startswith(ACCOUNT_PATH):
            note_account(request.path_params["name"])
        request.state.audit = draft = draft_of(
            operation, request=request, request_id=request_id, operator=operator, via=Via.OPERATOR_API
        )
        needed = operation.needed_role
        if not operator.role.allows(needed):
            raise HttpError(
                403, f"this needs the role {needed.value}; operator {operator.name} has the role {operator.role.value}"
            )
        return OperatorCall(
            context=replace(self.context, audit=draft),
            operation=operation,
            request=request,
            request_id=request_id,
            operator=operator.name,
            role=operator.role,
            parts=self._emulator,
        )


def time_or_none(timestamp_ms: int | None) -> str | None:
    """The timestamp as text; None for None."""
    return None if timestamp_ms is None else format_timestamp(timestamp_ms)
