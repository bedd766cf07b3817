"""Operations on callbacks: deliveries with their attempts, redelivery, listeners, signatures."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fotapool.core.timestamps import format_timestamp
from fotapool.domain.callbacks import KINDS, DeliveryState, kind_of, mask_password
from fotapool.domain.errors import Invalid
from fotapool.domain.identity import Role
from fotapool.domain.records import from_attributes
from fotapool.operator_api.calls import OperatorCall, time_or_none
from fotapool.services.accounts.accounts import get_account
from fotapool.services.callbacks import deliveries, listeners
from fotapool.store.callbacks.deliveries import Attempt, Delivery
from fotapool.store.callbacks.delivery_views import DeliveryRow
from fotapool.web.operations import Operation
from fotapool.web.parameters import (
    AFTER_NUMBER,
    NEWEST,
    PAGE_BY_NUMBER,
    account_parameter,
    choice_parameter,
    id_in_path,
    time_parameter,
)

STATES = {state.word: state for state in DeliveryState}
DELIVERY_ID = id_in_path("id", "delivery")
OF_ACCOUNT = account_parameter("account", "only this account's deliveries")
IN_STATE = choice_parameter("state", f"only those in this state: {', '.join(STATES)}", STATES)
SINCE = time_parameter("since", "created from this time on, newest first")
UNTIL = time_parameter("until", "created before this time, newest first")
_FILTERS = (OF_ACCOUNT, IN_STATE, NEWEST, SINCE, UNTIL)
StateText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(STATES)})]
KindText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(KINDS)})]


class DeliveryView(msgspec.Struct):
    """`attempts` counts since the last redelivery; `nextAttempt` is null while earlier deliveries are waiting."""

    id: int
    account: str
    listener: str
    event: KindText
    state: StateText
    attempts: int
    createTime: str
    nextAttempt: str | None
    endTime: str | None


class AttemptView(msgspec.Struct):
    """One attempt: its HTTP status, or the error if there was no answer; the first KiB of the answer."""

    number: int
    time: str
    tookMs: int
    url: str
    status: int | None
    error: str
    answer: str


class DeliveryDetail(msgspec.Struct):
    """`body` is null until the first attempt; after that it never changes. Only admins see a password in it."""

    delivery: DeliveryView
    body: str | None
    attempts: list[AttemptView]


class DeliveryList(msgspec.Struct):
    deliveries: list[DeliveryView]
    hasMoreData: bool


class ListenerView(msgspec.Struct):
    """A registration; its password is not shown. `listener` is the version, or `m2m:` and a service by name."""

    listener: str
    url: str
    username: str | None
    registered: str


class ListenerList(msgspec.Struct):
    """The account's listeners, at most one for each version and each service, and whether callbacks are signed."""

    listeners: list[ListenerView]
    signing: bool


class NewSigning(msgspec.Struct, forbid_unknown_fields=True):
    """Default: a generated secret."""

    secret: Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^whsec_[A-Za-z0-9+/]{32,88}={0,2}$"})] | None = (
        None
    )


class Signing(msgspec.Struct):
    """The secret is shown only in this answer."""

    secret: str


def _view(delivery: Delivery | DeliveryRow) -> DeliveryView:
    return from_attributes(
        DeliveryView,
        delivery,
        account=delivery.account_name,
        listener=delivery.style,
        event=kind_of(delivery.event),
        state=DeliveryState(delivery.state).word,
        createTime=format_timestamp(delivery.created_ms),
        nextAttempt=time_or_none(delivery.due_ms),
        endTime=time_or_none(delivery.ended_ms),
    )


def _attempt(one: Attempt) -> AttemptView:
    return from_attributes(AttemptView, one, time=format_timestamp(one.at_ms))


async def list_deliveries(call: OperatorCall) -> DeliveryList:
    """List callback deliveries by id, oldest first, or newest first with filters by time."""
    name = call.find(OF_ACCOUNT)
    if call.get(NEWEST):
        newest, more = call.page(
            await deliveries.find_latest_deliveries(
                call.context,
                account_id=None if name is None else (await get_account(call.context, name)).id,
                state=call.find(IN_STATE),
                since_ms=call.find(SINCE),
                until_ms=call.find(UNTIL),
                before=call.get(AFTER_NUMBER) or None,
                limit=call.read_limit,
            )
        )
        return DeliveryList([_view(one) for one in newest], more)
    if call.find(SINCE) is not None or call.find(UNTIL) is not None:
        raise Invalid("since and until need newest=true")
    found, more = call.page(
        await deliveries.list_deliveries(
            call.context,
            account_id=None if name is None else (await get_account(call.context, name)).id,
            state=call.find(IN_STATE),
            after=call.get(AFTER_NUMBER),
            limit=call.read_limit,
        )
    )
    return DeliveryList([_view(one) for one in found], more)


async def read_delivery(call: OperatorCall) -> DeliveryDetail:
    """Read a delivery with its body and its last 100 attempts."""
    delivery, attempts = await deliveries.read_delivery(call.context, call.get(DELIVERY_ID))
    body = None if delivery.body is None else delivery.body.decode()
    if body is not None and not call.role.allows(Role.ADMIN):
        body = mask_password(body)
    return DeliveryDetail(_view(delivery), body, [_attempt(one) for one in attempts])


async def redeliver(call: OperatorCall) -> DeliveryView:
    """Deliver a delivered or failed callback again, with all attempts ahead."""
    return _view(await deliveries.redeliver(call.context, call.get(DELIVERY_ID)))


async def list_listeners(call: OperatorCall) -> ListenerList:
    """List the account's callback listeners."""
    caller = await call.caller()
    found = await listeners.list_listeners(call.context, caller)
    views = [ListenerView(one.style, one.url, one.username, format_timestamp(one.created_ms)) for one in found]
    return ListenerList(views, await listeners.is_signing(call.context, caller))


async def remove_listener(call: OperatorCall) -> None:
    """Remove a callback listener and cancel its waiting deliveries."""
    await listeners.remove_listener(call.context, await call.caller(), call.path["listener"])


async def turn_on_signing(call: OperatorCall, given: NewSigning) -> Signing:
    """Sign the account's callbacks with a secret, which is shown once."""
    return Signing(await listeners.turn_on_signing(call.context, await call.caller(), given.secret))


async def turn_off_signing(call: OperatorCall) -> None:
    """Sign the account's callbacks no longer."""
    await listeners.turn_off_signing(call.context, await call.caller())


_SIGNING = "/accounts/{name}/callbacks/signing"
OPERATIONS = (
    Operation("GET", "/deliveries", list_deliveries, parameters=(*_FILTERS, *PAGE_BY_NUMBER)),
    Operation("GET", "/deliveries/{id}", read_delivery, parameters=[DELIVERY_ID]),
    Operation("POST", "/deliveries/{id}/redeliver", redeliver, parameters=[DELIVERY_ID]),
    Operation("GET", "/accounts/{name}/listeners", list_listeners),
    Operation("DELETE", "/accounts/{name}/listeners/{listener}", remove_listener),
    Operation("PUT", _SIGNING, turn_on_signing),
    Operation("DELETE", _SIGNING, turn_off_signing),
)
