"""Operations on the last requests and their answers, which only the emulator records."""

from __future__ import annotations

import msgspec
from starlette.responses import PlainTextResponse, Response

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.records import from_attributes
from fotapool.emulator.exchanges import Exchange, Wanted
from fotapool.emulator.reproduce import FORMS
from fotapool.operator_api.calls import OperatorCall
from fotapool.web.endpoint import json_response
from fotapool.web.operations import Operation
from fotapool.web.parameters import (
    AFTER_NUMBER,
    MAX_CURSOR,
    PAGE_BY_NUMBER,
    account_parameter,
    choice_parameter,
    flag_parameter,
    id_in_path,
    int_parameter,
    text_parameter,
)

NUMBER = id_in_path("number", "request")
AS = choice_parameter("as", "curl or pytest: as plain text", FORMS)
OF_ACCOUNT = account_parameter("account", "only requests about this account")
STATUS = int_parameter("status", "only those answered with this status", minimum=100, maximum=599)

NOBODY = flag_parameter(
    "nobody", "only rejected requests of no account: sign-in, wrong paths, accounts that the user does not have"
)
REQUEST_ID = text_parameter("requestId", "only those with this X-Request-Id")
REFUSED = flag_parameter("refused", "only rejected requests, and those that a fault left without an answer")
NEWEST = flag_parameter("newest", "the newest first; `after` is then the lowest number of the page before")
FILTERS = (OF_ACCOUNT, STATUS, REQUEST_ID, REFUSED, NOBODY, NEWEST)


class ExchangeView(msgspec.Struct):
    """`status` is null if a fault left the request without an answer. Tokens and passwords are shown as `***`."""

    number: int
    time: str
    method: str
    path: str
    status: int | None
    tookMs: float
    requestId: str
    account: str | None
    headers: dict[str, str]
    body: str
    bodyBytes: int
    answerHeaders: dict[str, str]
    answer: str
    answerBytes: int
    fault: str | None
    hints: list[str]


class ExchangeList(msgspec.Struct):
    """Requests with their answers, by number, with the first 64 KiB of each body and answer."""

    requests: list[ExchangeView]
    hasMoreData: bool


async def list_requests(call: OperatorCall) -> ExchangeList:
    """List the last requests and answers, with hints on what was wrong."""
    exchanges, after = call.emulator.features.exchanges, call.get(AFTER_NUMBER)
    wanted = Wanted(
        account=call.find(OF_ACCOUNT),
        status=call.find(STATUS),
        request_id=call.find(REQUEST_ID),
        refused=call.get(REFUSED),
        nobody=call.get(NOBODY),
    )
    if call.get(NEWEST):
        rows = exchanges.before(after or MAX_CURSOR, call.read_limit, wanted)
    else:
        rows = exchanges.after(after, call.read_limit, wanted)
    found, more = call.page(rows)
    return ExchangeList([await _view(call, one) for one in found], more)


async def read_request(call: OperatorCall) -> Response:
    """Read a request and its answer, or have it as a command or a test."""
    exchange = call.emulator.features.exchanges.find(call.get(NUMBER))
    convert = call.find(AS)
    return json_response(await _view(call, exchange)) if convert is None else PlainTextResponse(convert(exchange))


async def clear_requests(call: OperatorCall) -> None:
    """Delete the recorded requests."""
    exchanges = call.emulator.features.exchanges
    call.context.audit.describe({"requests": len(exchanges)})
    exchanges.clear()


async def _view(call: OperatorCall, one: Exchange) -> ExchangeView:
    return from_attributes(
        ExchangeView,
        one,
        time=format_timestamp(one.at_ms),
        account=one.account or None,
        headers=_text(one.headers),
        body=one.body_text,
        bodyBytes=one.body.total_bytes,
        answerHeaders=_text(one.answer_headers),
        answer=one.answer_text,
        answerBytes=one.answer.total_bytes,
        fault=one.fault or None,
        hints=await call.emulator.features.hints.find(one),
    )


def _text(headers: tuple[tuple[bytes, bytes], ...]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


OPERATIONS = (
    Operation("GET", "/requests", list_requests, parameters=(*PAGE_BY_NUMBER, *FILTERS)),
    Operation(
        "GET",
        "/requests/{number}",
        read_request,
        parameters=(NUMBER, AS),
        answers=ExchangeView,
        produces={"text/plain": "As a command or a test"},
    ),
    Operation("DELETE", "/requests", clear_requests),
)
