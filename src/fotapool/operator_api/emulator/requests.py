"""Operations on the last requests and answers, which only the emulator keeps."""

from __future__ import annotations

import msgspec
from starlette.responses import PlainTextResponse, Response

from fotapool.core.timestamps import time_text
from fotapool.domain.errors import Invalid, NotFound
from fotapool.domain.names import is_account_name
from fotapool.emulator.exchanges import Exchange, Exchanges
from fotapool.emulator.inspector import HintFinder
from fotapool.emulator.reproduce import FORMS
from fotapool.operator_api.requests import MAX_CURSOR, Only, OperatorCall, OperatorOperation, answer, no_content

MAX_ID_DIGITS = 15


class ExchangeView(msgspec.Struct):
    """`status` is null where a fault left the request without an answer. Tokens and passwords read `***`."""

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
    """Requests with their answers, by number. Of a body and of an answer the first 64 KiB are kept."""

    requests: list[ExchangeView]
    hasMoreData: bool


class InspectorControl:
    """The operations, on what the inspector keeps."""

    def __init__(self, exchanges: Exchanges, hints: HintFinder) -> None:
        self._exchanges = exchanges
        self._hints = hints

    async def list(self, call: OperatorCall) -> Response:
        limit, after = call.limit(), call.number("after", 0, 0, MAX_CURSOR)
        status = call.number("status", 0, 100, 599) or None
        account = call.request.query_params.get("account")
        if account is not None and not is_account_name(account):
            raise Invalid("account must be the name of an account, as 0242078689-00001")
        found = self._exchanges.after(after, limit + 1, account, status)
        return answer(ExchangeList([await self._view(one) for one in found[:limit]], len(found) > limit))

    async def read(self, call: OperatorCall) -> Response:
        text: str = call.request.path_params["number"]
        if not (text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS):
            raise NotFound(f"request {text[:40]} does not exist")
        exchange = self._exchanges.find(int(text))
        form = call.request.query_params.get("as")
        if form is None:
            return answer(await self._view(exchange))
        if form not in FORMS:
            raise Invalid(f"as must be one of {', '.join(FORMS)}")
        return PlainTextResponse(FORMS[form](exchange))

    async def clear(self, call: OperatorCall) -> Response:
        self._exchanges.clear()
        return no_content()

    async def _view(self, one: Exchange) -> ExchangeView:
        hints = await self._hints.find(one)
        return ExchangeView(
            number=one.number,
            time=time_text(one.at_ms),
            method=one.method,
            path=one.path,
            status=one.status,
            tookMs=one.took_ms,
            requestId=one.request_id,
            account=one.account or None,
            headers=_text(one.headers),
            body=one.body_text,
            bodyBytes=one.body.total_bytes,
            answerHeaders=_text(one.answer_headers),
            answer=one.answer_text,
            answerBytes=one.answer.total_bytes,
            fault=one.fault or None,
            hints=hints,
        )

    def operations(self) -> tuple[OperatorOperation, ...]:
        return (
            OperatorOperation(
                name="list_requests",
                method="GET",
                path="/requests",
                handle=self.list,
                summary="List the last requests and answers, with hints on what was wrong",
                response=ExchangeList,
                query=(
                    ("after", "the last number of the page before"),
                    ("limit", "rows of a page, 1 to 1000; 100 by default"),
                    ("account", "only requests about this account"),
                    ("status", "only those answered with this status"),
                ),
                only=Only.EMULATE,
            ),
            OperatorOperation(
                name="read_request",
                method="GET",
                path="/requests/{number}",
                handle=self.read,
                summary="Read a request and its answer, or have it as a command or a test",
                response=ExchangeView,
                query=(("as", "curl or pytest: as plain text"),),
                produces=("application/json", "text/plain"),
                only=Only.EMULATE,
            ),
            OperatorOperation(
                name="clear_requests",
                method="DELETE",
                path="/requests",
                handle=self.clear,
                summary="Delete the requests",
                response=None,
                status=204,
                only=Only.EMULATE,
            ),
        )


def _text(headers: tuple[tuple[bytes, bytes], ...]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
