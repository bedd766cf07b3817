"""Callbacks: deliveries of all accounts or of one, their attempts, redelivery, listeners and signatures."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from fotapool.console.app.listing import Listing
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.identity.sessions import PATH
from fotapool.core.timestamps import parse_timestamp
from fotapool.domain.callbacks import KINDS, RETRIES, DeliveryState, ListenerStatus, kind_of
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.services.callbacks import deliveries, health, listeners
from fotapool.store.callbacks.deliveries import Delivery, FailedFilter
from fotapool.store.callbacks.delivery_views import DeliveryRow
from fotapool.store.callbacks.listener_health import MAX_COUNTED

ROWS = 50
PANELS = 10
"""How many failing listeners have a panel."""
STATES = {state.word: state for state in DeliveryState}
STATE_LABELS = {"waiting": "queued or retrying", "delivered": "delivered", "failed": "failed"}
VERSIONS = ("v1", "v2", "v3")
_ID_DIGITS = 18
_HIDDEN = "(not shown)"


def state_label(delivery: Delivery | DeliveryRow) -> tuple[str, str]:
    """The delivery's state and its class in console.css."""
    match DeliveryState(delivery.state):
        case DeliveryState.DELIVERED:
            return "delivered", "good"
        case DeliveryState.FAILED:
            return "failed", "bad"
    return ("retrying" if delivery.attempts else "queued"), "warn"


async def show_deliveries(call: ConsoleCall) -> Response:
    """The deliveries of one account, with its listeners, or of all accounts."""
    account = getattr(call, "account", None)
    found, next_cursor = await deliveries.list_latest_deliveries(
        call.context,
        account_id=account.id if account else None,
        state=call.choice("state", STATES),
        style=call.choice("listener", {version: version for version in VERSIONS}) or "",
        kind=call.choice("event", {kind: kind for kind in KINDS}) or "",
        before=call.cursor(),
        limit=ROWS,
    )
    values: dict[str, Any] = {
        "found": Listing(
            found,
            cursor=call.cursor(),
            next_cursor=next_cursor,
            query={name: call.text(name) for name in ("state", "listener", "event")},
            searched=deliveries.SCAN_LIMIT,
        ),
        "filters": [
            ("state", "State", STATE_LABELS.items()),
            ("listener", "Listener", [(version, version) for version in VERSIONS]),
            ("event", "Event", [(kind, kind) for kind in KINDS]),
        ],
        "state_label": state_label,
        "kind_of": kind_of,
    }
    values |= {"status_of": health.status_of, "max_counted": MAX_COUNTED}
    if account is None:
        return await call.page("callbacks/callbacks.html", "Callbacks", **values, **await _all_listeners(call))
    found_health = await health.list_listener_health(
        call.context, status=None, account_id=account.id, after=("", ""), limit=ROWS
    )
    values["health"] = {one.style: one for one in found_health}
    values["listeners"] = await listeners.list_listeners(call.context, call.caller())
    values["is_signing"] = await listeners.is_signing(call.context, call.caller())
    return await call.page("callbacks/callbacks_account.html", "Callbacks", **values)


async def _all_listeners(call: ConsoleCall) -> dict[str, Any]:
    """The figures of all accounts, the listeners that fail, and a page of all listeners."""
    now_ms = call.context.clock.now_ms()
    after = call.text("after")
    account, _, style = after.rpartition("/")
    trouble = await health.list_listeners_in_trouble(call.context)
    failing = [one for one in trouble if health.status_of(one, now_ms) is ListenerStatus.FAILING][:PANELS]
    page = await health.list_listener_health(
        call.context, status=None, account_id=None, after=(account, style), limit=ROWS + 1
    )
    return {
        "figures": await health.read_figures(call.context),
        "failing": failing,
        "hours": {one: await health.read_listener_hours(call.context, one) for one in failing},
        "listeners": Listing.after(page, ROWS, after, lambda one: f"{one.account_name}/{one.style}"),
        "tries": RETRIES + 1,
    }


async def retry_listener(call: ConsoleCall) -> Response:
    style = call.field("listener")
    try:
        found = await health.retry_listener(call.context, call.caller(), style)
    except Conflict as error:
        return await _refused(call, call.path("callbacks"), f"Not retried: {error}.", error)
    return await call.go(call.path("callbacks"), f"Listener {style} is tried now: {found.waiting} waiting.")


async def redeliver_failed(call: ConsoleCall) -> Response:
    """Queues the failed deliveries of the account again, in steps."""
    call.audit.about("account", call.account.name)
    since = call.field("since")
    wanted = FailedFilter(
        account_id=call.account.id,
        style=call.field("listener") or None,
        since_ms=_parse_since(since) if since else None,
    )
    step = await health.redeliver_failed(call.context, wanted)
    text = f"{step.redelivered} failed deliveries queued again."
    if step.without_listener:
        text += f" {step.without_listener} stay failed: their listener is gone."
    if step.next_after is not None:
        text += " There are more: redeliver again."
    return await call.go(call.path("callbacks"), text)


def _parse_since(text: str) -> int:
    try:
        return parse_timestamp(text)
    except ValueError as error:
        raise Invalid(f"since must be a time as in 2026-03-01T12:00:00Z, not {text[:40]!r}") from error


async def _refused(call: ConsoleCall, path: str, text: str, error: Conflict) -> Response:
    call.audit.refused_status, call.audit.reason = 409, str(error)
    return await call.go(path, text, "failed")


def _delivery_id(call: ConsoleCall) -> int:
    text: str = call.request.path_params["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS):
        raise NotFound(f"delivery {text[:40]} does not exist")
    return int(text)


def shown_body(body: bytes | None) -> str | None:
    """The body as indented JSON, without the password that version 1 sends; None if it does not exist yet."""
    if body is None:
        return None
    text = body.decode("utf-8", "replace")
    try:
        document = json.loads(text)
    except ValueError:
        return text
    if isinstance(document, dict) and document.get("password"):
        document["password"] = _HIDDEN
    return json.dumps(document, indent=2, ensure_ascii=False)


async def show_delivery(call: ConsoleCall) -> Response:
    delivery, attempts = await deliveries.read_delivery(call.context, _delivery_id(call))
    body = shown_body(delivery.body)
    return await call.page(
        "callbacks/callback.html",
        f"Delivery {delivery.id}",
        delivery=delivery,
        attempts=attempts,
        event=json.dumps(json.loads(delivery.event), indent=2, ensure_ascii=False),
        body=body,
        is_password_hidden=_HIDDEN in (body or ""),
        kind=kind_of(delivery.event),
        state=state_label(delivery),
        is_waiting=delivery.state == DeliveryState.WAITING,
        max_attempts=deliveries.MAX_ATTEMPTS_SHOWN,
    )


async def redeliver(call: ConsoleCall) -> Response:
    delivery_id = _delivery_id(call)
    path = f"{PATH}/callbacks/{delivery_id}"
    try:
        found = await deliveries.redeliver(call.context, delivery_id)
    except Conflict as error:
        return await _refused(call, path, f"Not redelivered: {error}.", error)
    if found.due_ms is None:
        return await call.go(path, "Its listener is tried now; this delivery follows in order.")
    return await call.go(path, "Redelivery queued: same body and webhook-id, ahead of other deliveries.")


async def deregister(call: ConsoleCall) -> Response:
    version = call.field("listener")
    await listeners.remove_listener(call.context, call.caller(), version)
    return await call.go(call.path("callbacks"), f"Listener {version} removed. Its queued deliveries have failed.")


async def turn_on_signing(call: ConsoleCall) -> Response:
    secret = await listeners.turn_on_signing(call.context, call.caller(), None)
    return await call.page("callbacks/signing_secret.html", "Signing secret", secret=secret)


async def turn_off_signing(call: ConsoleCall) -> Response:
    await listeners.turn_off_signing(call.context, call.caller())
    return await call.go(call.path("callbacks"), "Signing turned off.")


_PATH = "/accounts/{account}/callbacks"
PAGES = (
    ConsolePage("GET", "/callbacks", show_deliveries),
    ConsolePage("GET", "/callbacks/{id}", show_delivery),
    ConsolePage("POST", "/callbacks/{id}/redeliver", redeliver),
    ConsolePage("GET", _PATH, show_deliveries),
    ConsolePage("POST", _PATH + "/retry", retry_listener),
    ConsolePage("POST", _PATH + "/redeliver", redeliver_failed),
    ConsolePage("POST", _PATH + "/deregister", deregister, action="removeListener"),
    ConsolePage("POST", _PATH + "/signing", turn_on_signing),
    ConsolePage("POST", _PATH + "/signing/off", turn_off_signing),
)
