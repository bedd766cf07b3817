"""Callbacks: deliveries of all accounts or of one, their attempts, redelivery, listeners and signatures."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from fotapool.console.app.listing import Listing
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.console.identity.sessions import PATH
from fotapool.domain.callbacks import KINDS, DeliveryState, kind_of
from fotapool.domain.errors import Conflict, NotFound
from fotapool.services.callbacks import deliveries, listeners
from fotapool.store.callbacks.deliveries import Delivery
from fotapool.store.callbacks.delivery_views import DeliveryRow

ROWS = 50
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
    if account is None:
        return await call.page("callbacks/callbacks.html", "Callbacks", **values)
    values["listeners"] = await listeners.list_listeners(call.context, call.caller())
    values["is_signing"] = await listeners.is_signing(call.context, call.caller())
    return await call.page("callbacks/callbacks_account.html", "Callbacks", **values)


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
        await deliveries.redeliver(call.context, delivery_id)
    except Conflict as error:
        call.audit.refused_status, call.audit.reason = 409, str(error)
        return await call.go(path, f"Not redelivered: {error}.", "failed")
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
    ConsolePage("POST", _PATH + "/deregister", deregister, action="removeListener"),
    ConsolePage("POST", _PATH + "/signing", turn_on_signing),
    ConsolePage("POST", _PATH + "/signing/off", turn_off_signing),
)
