"""Callbacks: deliveries of all accounts or of one, one with its attempts, redelivery, listeners and signatures."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path
from fotapool.console.identity.sessions import PATH
from fotapool.domain.callbacks import KINDS, DeliveryState, kind_of
from fotapool.domain.errors import Conflict, Invalid, NotFound
from fotapool.services.callbacks import deliveries, listeners
from fotapool.store.accounts.accounts import Account

ROWS = 50
MAX_ID = 2**62
STATE_WORDS = {
    DeliveryState.WAITING: ("waiting", "warn"),
    DeliveryState.DELIVERED: ("delivered", "good"),
    DeliveryState.FAILED: ("given up", "bad"),
}
STATES = {state.word: state for state in DeliveryState}
STYLES = ("v1", "v2", "v3")
_ID_DIGITS = 18
_HIDDEN = "(not shown)"


async def _values(call: ConsoleCall, account: Account | None) -> dict[str, Any]:
    """What both lists show. Raises Invalid for an unknown filter."""
    query = {name: call.text(name) for name in ("state", "listener", "event")}
    for name, known in (("state", tuple(STATES)), ("listener", STYLES), ("event", KINDS)):
        if query[name] and query[name] not in known:
            raise Invalid(f"{name} must be one of {', '.join(known)}")
    before = call.number("before", 0, 0, MAX_ID) or None
    state = STATES.get(query["state"])
    rows, go_on = await deliveries.list_latest_deliveries(
        call.context,
        account_id=account.id if account else None,
        state=state,
        style=query["listener"],
        kind=query["event"],
        before=before,
        limit=ROWS,
    )
    return {
        "rows": rows,
        "go_on": go_on,
        "before": before,
        "query": query,
        "states": STATES,
        "styles": STYLES,
        "kinds": KINDS,
        "state_words": STATE_WORDS,
        "kind_of": kind_of,
        "looked": deliveries.SCAN_LIMIT,
    }


async def show_deliveries(call: ConsoleCall) -> Response:
    return await call.page("callbacks/callbacks.html", "Callbacks", **await _values(call, None))


async def show_account_callbacks(call: ConsoleCall) -> Response:
    account = await call.account()
    caller = call.caller(account)
    return await call.page(
        "callbacks/callbacks_account.html",
        "Callbacks",
        account=account,
        **await _values(call, account),
        listeners=await listeners.list_listeners(call.context, caller),
        signing=await listeners.is_signing(call.context, caller),
        here=account_path(account.name, "callbacks"),
    )


def _delivery_id(call: ConsoleCall) -> int:
    text: str = call.request.path_params["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS):
        raise NotFound(f"delivery {text[:40]} does not exist")
    return int(text)


def shown_body(body: bytes | None) -> str | None:
    """The body as people read it: indented, without the password that version 1 sends along."""
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
    event = json.dumps(json.loads(delivery.event), indent=2, ensure_ascii=False)
    return await call.page(
        "callbacks/callback.html",
        f"Callback {delivery.id}",
        delivery=delivery,
        attempts=attempts,
        event=event,
        body=shown_body(delivery.body),
        kind=kind_of(delivery.event),
        state=STATE_WORDS[DeliveryState(delivery.state)],
        ended=delivery.state != DeliveryState.WAITING,
        hidden=_HIDDEN,
        shown=deliveries.MAX_ATTEMPTS_SHOWN,
    )


async def redeliver(call: ConsoleCall) -> Response:
    delivery_id = _delivery_id(call)
    path = f"{PATH}/callbacks/{delivery_id}"
    try:
        await deliveries.redeliver(call.context, delivery_id)
    except Conflict as error:
        return await call.go(path, f"It is not sent again: {error}.", "failed")
    return await call.go(path, "It is sent again: the same bytes under the same id, before what else waits.")


async def deregister(call: ConsoleCall) -> Response:
    account = await call.account()
    style = call.field("listener")
    await listeners.remove_listener(call.context, call.caller(account), style)
    words = f"The listener of {style} is deregistered; what waited for it is given up."
    return await call.go(account_path(account.name, "callbacks"), words)


async def turn_on_signing(call: ConsoleCall) -> Response:
    account = await call.account()
    secret = await listeners.turn_on_signing(call.context, call.caller(account), None)
    return await call.page("callbacks/signing_secret.html", "Signing secret", account=account, secret=secret)


async def turn_off_signing(call: ConsoleCall) -> Response:
    account = await call.account()
    await listeners.turn_off_signing(call.context, call.caller(account))
    return await call.go(account_path(account.name, "callbacks"), "Callbacks are not signed any more.")


_PATH = "/accounts/{account}/callbacks"
PAGES = (
    ConsolePage("GET", "/callbacks", show_deliveries),
    ConsolePage("GET", "/callbacks/{id}", show_delivery),
    ConsolePage("POST", "/callbacks/{id}/redeliver", redeliver),
    ConsolePage("GET", _PATH, show_account_callbacks),
    ConsolePage("POST", _PATH + "/deregister", deregister),
    ConsolePage("POST", _PATH + "/signing", turn_on_signing),
    ConsolePage("POST", _PATH + "/signing/off", turn_off_signing),
)
