"""Operations on callbacks: deliveries with their attempts, redelivery, listeners, signatures."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.responses import Response

from fotapool.core.timestamps import time_text
from fotapool.domain.callbacks import KINDS, DeliveryState, kind_of
from fotapool.domain.errors import Invalid, NotFound
from fotapool.operator_api.requests import MAX_CURSOR, OperatorCall, OperatorOperation, answer, no_content
from fotapool.services.accounts.accounts import get_account
from fotapool.services.callbacks import deliveries, listeners
from fotapool.store.callbacks.deliveries import Attempt, Delivery
from fotapool.store.callbacks.listeners import Listener

STATES = {state.word: state for state in DeliveryState}
MAX_ID_DIGITS = 18
StateWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(STATES)})]
KindWord = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(KINDS)})]


class DeliveryView(msgspec.Struct):
    """`attempts` counts since the delivery was last asked for; `nextAttempt` is null while others are before it."""

    id: int
    account: str
    listener: str
    event: KindWord
    state: StateWord
    attempts: int
    createTime: str
    nextAttempt: str | None
    endTime: str | None


class AttemptView(msgspec.Struct):
    """An HTTP status, or the error that there was instead; the first KiB of the answer."""

    number: int
    time: str
    tookMs: int
    url: str
    status: int | None
    error: str
    answer: str


class DeliveryDetail(msgspec.Struct):
    """`body` is null until the first attempt; from then on it stays the same."""

    delivery: DeliveryView
    body: str | None
    attempts: list[AttemptView]


class DeliveryList(msgspec.Struct):
    deliveries: list[DeliveryView]
    hasMoreData: bool


class ListenerView(msgspec.Struct):
    """A registration; its password is not shown."""

    listener: str
    url: str
    username: str | None
    registered: str


class ListenerList(msgspec.Struct):
    """The account's listeners, at most one for each version of the API, and whether its callbacks are signed."""

    listeners: list[ListenerView]
    signing: bool


class NewSigning(msgspec.Struct, forbid_unknown_fields=True):
    """Without a secret one is made."""

    secret: Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^whsec_[A-Za-z0-9+/]{32,88}={0,2}$"})] | None = (
        None
    )


class Signing(msgspec.Struct):
    """The secret is shown this once."""

    secret: str


def _view(delivery: Delivery) -> DeliveryView:
    return DeliveryView(
        id=delivery.id,
        account=delivery.account_name,
        listener=delivery.style,
        event=kind_of(delivery.event),
        state=DeliveryState(delivery.state).word,
        attempts=delivery.attempts,
        createTime=time_text(delivery.created_ms),
        nextAttempt=_time(delivery.due_ms),
        endTime=_time(delivery.ended_ms),
    )


def _time(timestamp_ms: int | None) -> str | None:
    return None if timestamp_ms is None else time_text(timestamp_ms)


def _attempt(one: Attempt) -> AttemptView:
    return AttemptView(
        number=one.number,
        time=time_text(one.at_ms),
        tookMs=one.took_ms,
        url=one.url,
        status=one.status,
        error=one.error,
        answer=one.answer,
    )


def _listener(one: Listener) -> ListenerView:
    return ListenerView(one.style, one.url, one.username, time_text(one.created_ms))


def _delivery_id(call: OperatorCall) -> int:
    text: str = call.request.path_params["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS):
        raise NotFound(f"delivery {text[:40]} does not exist")
    return int(text)


async def list_deliveries(call: OperatorCall) -> Response:
    query = call.request.query_params
    state = query.get("state")
    if state is not None and state not in STATES:
        raise Invalid(f"state must be one of {', '.join(STATES)}")
    limit, after = call.limit(), call.number("after", 0, 0, MAX_CURSOR)
    name = query.get("account")
    account_id = None if name is None else (await get_account(call.context, name)).id
    found = await deliveries.list_deliveries(
        call.context,
        account_id=account_id,
        state=None if state is None else STATES[state],
        after=after,
        limit=limit + 1,
    )
    return answer(DeliveryList([_view(one) for one in found[:limit]], len(found) > limit))


async def read_delivery(call: OperatorCall) -> Response:
    delivery, attempts = await deliveries.read_delivery(call.context, _delivery_id(call))
    body = None if delivery.body is None else delivery.body.decode()
    return answer(DeliveryDetail(_view(delivery), body, [_attempt(one) for one in attempts]))


async def redeliver(call: OperatorCall) -> Response:
    return answer(_view(await deliveries.redeliver(call.context, _delivery_id(call))))


async def list_listeners(call: OperatorCall) -> Response:
    caller = await call.caller()
    found = await listeners.list_listeners(call.context, caller)
    return answer(ListenerList([_listener(one) for one in found], await listeners.is_signing(call.context, caller)))


async def remove_listener(call: OperatorCall) -> Response:
    await listeners.remove_listener(call.context, await call.caller(), call.request.path_params["listener"])
    return no_content()


async def turn_on_signing(call: OperatorCall) -> Response:
    given = await call.body(NewSigning)
    return answer(Signing(await listeners.turn_on_signing(call.context, await call.caller(), given.secret)))


async def turn_off_signing(call: OperatorCall) -> Response:
    await listeners.turn_off_signing(call.context, await call.caller())
    return no_content()


_FILTERS = (
    ("account", "only this account's deliveries"),
    ("state", f"only those in this state: {', '.join(STATES)}"),
    ("after", "the last number of the page before"),
    ("limit", "rows of a page, 1 to 1000; 100 by default"),
)
OPERATIONS = (
    OperatorOperation(
        name="list_deliveries",
        method="GET",
        path="/deliveries",
        handle=list_deliveries,
        summary="List callback deliveries by id",
        response=DeliveryList,
        query=_FILTERS,
    ),
    OperatorOperation(
        name="read_delivery",
        method="GET",
        path="/deliveries/{id}",
        handle=read_delivery,
        summary="Read a delivery with its body and its last 100 attempts",
        response=DeliveryDetail,
    ),
    OperatorOperation(
        name="redeliver",
        method="POST",
        path="/deliveries/{id}/redeliver",
        handle=redeliver,
        summary="Deliver a delivered or failed callback again, with all attempts ahead",
        response=DeliveryView,
    ),
    OperatorOperation(
        name="list_listeners",
        method="GET",
        path="/accounts/{name}/listeners",
        handle=list_listeners,
        summary="List the account's callback listeners",
        response=ListenerList,
    ),
    OperatorOperation(
        name="remove_listener",
        method="DELETE",
        path="/accounts/{name}/listeners/{listener}",
        handle=remove_listener,
        summary="Remove a callback listener and give up what waits for it",
        response=None,
        status=204,
    ),
    OperatorOperation(
        name="turn_on_signing",
        method="PUT",
        path="/accounts/{name}/callbacks/signing",
        handle=turn_on_signing,
        summary="Sign the account's callbacks with a secret, which is shown once",
        response=Signing,
        request=NewSigning,
    ),
    OperatorOperation(
        name="turn_off_signing",
        method="DELETE",
        path="/accounts/{name}/callbacks/signing",
        handle=turn_off_signing,
        summary="Sign the account's callbacks no longer",
        response=None,
        status=204,
    ),
)
