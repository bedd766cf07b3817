"""Operations on callbacks: deliveries with their attempts, redelivery, listeners, signatures."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fotapool.core.timestamps import format_timestamp, parse_timestamp
from fotapool.domain.callbacks import KINDS, DeliveryState, ListenerStatus, kind_of, mask_password
from fotapool.domain.errors import Invalid
from fotapool.domain.identity import Role
from fotapool.domain.records import from_attributes
from fotapool.operator_api.calls import OperatorCall, time_or_none
from fotapool.services.accounts.accounts import get_account
from fotapool.services.callbacks import deliveries, health, listeners
from fotapool.store.callbacks.deliveries import Attempt, Delivery, FailedFilter
from fotapool.store.callbacks.delivery_views import DeliveryRow
from fotapool.store.callbacks.listener_health import ListenerHealth
from fotapool.web.operations import Operation
from fotapool.web.parameters import (
    AFTER_NUMBER,
    LIMIT,
    NEWEST,
    PAGE_BY_NUMBER,
    account_parameter,
    check_period,
    choice_parameter,
    id_in_path,
    text_parameter,
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
STATUSES = {status.value: status for status in ListenerStatus}
VERSIONS = ("v1", "v2", "v3")
WITH_STATUS = choice_parameter("status", f"only those with this status: {', '.join(STATUSES)}", STATUSES)
ONLY_ACCOUNT = account_parameter("account", "only this account's listeners")
AFTER_LISTENER = text_parameter("after", "the id of the last listener of the page before", default="")
ListenerStatusText = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(STATUSES)})]
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


class LastAttempt(msgspec.Struct):
    """The last attempt to a listener: its HTTP status, or the error if there was no answer."""

    time: str
    tookMs: int
    status: int | None
    error: str
    answer: str


class ListenerHealthView(msgspec.Struct):
    """How deliveries to a listener go. `failing`: 15 minutes without success, or a delivery has used all attempts.

    `id` names it for `after`. `failingSince` is the first failed attempt since the last success, and `failed` counts
    the deliveries since then that have used all attempts. `waiting` is counted up to 10,001; `oldestWaiting` is the
    creation of the first one, which is tried `attempts` times so far and at `nextAttempt` again.
    """

    id: str
    account: str
    listener: str
    url: str
    status: ListenerStatusText
    lastAttempt: LastAttempt | None
    lastDelivered: str | None
    failingSince: str | None
    failed: int
    waiting: int
    oldestWaiting: str | None
    attempts: int | None
    nextAttempt: str | None


class ListenerHealthList(msgspec.Struct):
    listeners: list[ListenerHealthView]
    hasMoreData: bool


Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


class RedeliverFailed(msgspec.Struct, forbid_unknown_fields=True):
    """Which failed deliveries: of an account, of a listener by its version, of an event, failed in a period."""

    account: str | None = None
    listener: Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(VERSIONS)})] | None = None
    event: KindText | None = None
    since: Time | None = None
    until: Time | None = None
    after: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=health.MAX_REDELIVERED)] = health.MAX_REDELIVERED


class RedeliveredView(msgspec.Struct):
    """A step: `withoutListener` stay failed. `nextAfter` is the `after` of the next step; null: nothing is left."""

    redelivered: int
    withoutListener: int
    nextAfter: int | None


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
    since_ms, until_ms = call.period(SINCE, UNTIL)
    if call.get(NEWEST):
        newest, more = call.page(
            await deliveries.find_latest_deliveries(
                call.context,
                account_id=None if name is None else (await get_account(call.context, name)).id,
                state=call.find(IN_STATE),
                since_ms=since_ms,
                until_ms=until_ms,
                before=call.get(AFTER_NUMBER) or None,
                limit=call.read_limit,
            )
        )
        return DeliveryList([_view(one) for one in newest], more)
    if since_ms is not None or until_ms is not None:
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
    """Deliver a callback again, with all attempts ahead; for a waiting one, try what waits for its listener now."""
    return _view(await deliveries.redeliver(call.context, call.get(DELIVERY_ID)))


async def redeliver_failed(call: OperatorCall, given: RedeliverFailed) -> RedeliveredView:
    """Deliver failed callbacks again, oldest first, up to 1,000 at a time."""
    if given.listener is not None and given.listener not in VERSIONS:
        raise Invalid(f"listener must be one of {', '.join(VERSIONS)}")
    if given.event is not None and given.event not in KINDS:
        raise Invalid(f"event must be one of {', '.join(KINDS)}")
    if given.account is not None:
        call.context.audit.about("account", given.account)
    wanted = FailedFilter(
        account_id=None if given.account is None else (await get_account(call.context, given.account)).id,
        style=given.listener,
        kind=given.event,
        since_ms=_time_of("since", given.since),
        until_ms=_time_of("until", given.until),
    )
    check_period(wanted.since_ms, wanted.until_ms)
    step = await health.redeliver_failed(call.context, wanted, given.after, given.limit)
    return RedeliveredView(step.redelivered, step.without_listener, step.next_after)


def _time_of(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_timestamp(text)
    except ValueError as error:
        raise Invalid(f"{name} must be a time as in 2026-03-01T12:00:00Z, not {text[:40]!r}") from error


def _health(one: ListenerHealth, now_ms: int) -> ListenerHealthView:
    last = None
    if one.last_ms is not None:
        last = LastAttempt(
            time=format_timestamp(one.last_ms),
            tookMs=one.took_ms or 0,
            status=one.status,
            error=one.error or "",
            answer=one.answer or "",
        )
    return ListenerHealthView(
        id=f"{one.account_name}/{one.style}",
        account=one.account_name,
        listener=one.style,
        url=one.url,
        status=health.status_of(one, now_ms).value,
        lastAttempt=last,
        lastDelivered=time_or_none(one.delivered_ms),
        failingSince=time_or_none(one.failing_ms),
        failed=one.given_up,
        waiting=one.waiting,
        oldestWaiting=time_or_none(one.oldest_ms),
        attempts=one.head_attempts,
        nextAttempt=time_or_none(one.next_ms),
    )


async def list_listener_health(call: OperatorCall) -> ListenerHealthList:
    """List the listeners of all accounts with their status, last attempt and what waits."""
    name, now_ms = call.find(ONLY_ACCOUNT), call.context.clock.now_ms()
    account, _, style = call.get(AFTER_LISTENER).rpartition("/")
    found, more = call.page(
        await health.list_listener_health(
            call.context,
            status=call.find(WITH_STATUS),
            account_id=None if name is None else (await get_account(call.context, name)).id,
            after=(account, style),
            limit=call.read_limit,
        )
    )
    return ListenerHealthList([_health(one, now_ms) for one in found], more)


async def retry_listener(call: OperatorCall) -> ListenerHealthView:
    """Try what waits for a listener now, with all attempts ahead."""
    found = await health.retry_listener(call.context, await call.caller(), call.path["listener"])
    return _health(found, call.context.clock.now_ms())


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
    Operation("POST", "/deliveries/redeliver", redeliver_failed),
    Operation("GET", "/deliveries/{id}", read_delivery, parameters=[DELIVERY_ID]),
    Operation("POST", "/deliveries/{id}/redeliver", redeliver, parameters=[DELIVERY_ID]),
    Operation("GET", "/listeners", list_listener_health, parameters=(WITH_STATUS, ONLY_ACCOUNT, AFTER_LISTENER, LIMIT)),
    Operation("POST", "/accounts/{name}/listeners/{listener}/retry", retry_listener),
    Operation("GET", "/accounts/{name}/listeners", list_listeners),
    Operation("DELETE", "/accounts/{name}/listeners/{listener}", remove_listener),
    Operation("PUT", _SIGNING, turn_on_signing),
    Operation("DELETE", _SIGNING, turn_off_signing),
)
