"""The subscription of an account: preview of a change with the affected devices, and the change itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec
from starlette.responses import Response

from fotapool.console.app.downloads import Rows, csv_stream, in_batches
from fotapool.console.app.errors import sentence
from fotapool.console.app.listing import Listing
from fotapool.console.app.pages import ConsoleCall, ConsolePage, whole_number
from fotapool.console.app.rendering import plural
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.accounts.scheduled_changes import ScheduledChange, check_open
from fotapool.domain.accounts.subscriptions import (
    MAX_LICENSES,
    NOTICE_KINDS,
    RECLAIM_KINDS,
    SubscriptionChange,
    SubscriptionDecision,
)
from fotapool.domain.billing import next_billing_month_ms
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.ledger import EntryKind
from fotapool.domain.names import PurchaseType, format_device_id
from fotapool.services.accounts.scheduled_changes import get_change, list_ended_changes, list_open_changes
from fotapool.services.accounts.subscriptions import PreviewOutdated, change_subscription, list_periods, preview_change
from fotapool.services.licenses.candidate_views import read_assigned_times

SHOWN = 100
"""Maximum number of devices of each kind in a preview; the CSV file has all."""
DECIDED_AT_ONCE = 2_000
"""Largest reduction that is previewed with the page; larger ones are loaded after it."""
PERIODS_SHOWN = 50
ENDED_SHOWN = 20
"""Maximum number of ended scheduled changes that the page has."""
MAX_NUMBER = 2**62
LINES_A_BATCH = 5_000
PURCHASE_TYPES = {
    PurchaseType.MRC: "monthly licenses",
    PurchaseType.EVENT: "pay per upgrade",
    PurchaseType.BOTH: "both",
}


class Line(NamedTuple):
    """A device of the preview; `order` is its position in the removal order, from 1."""

    order: int
    device: int
    kind: EntryKind


class Part(msgspec.Struct, frozen=True):
    """The devices that a change affects in the same way: how many, and the first of them."""

    count: int
    lines: list[Line]

    @classmethod
    def of(cls, decision: SubscriptionDecision, *kinds: EntryKind) -> Part:
        return cls(decision.count(*kinds), [Line(*one) for one in decision.first(SHOWN, *kinds)])


class Preview(msgspec.Struct, frozen=True):
    """The effect of a change; `assigned` has the times (ms) at which the listed devices got their licenses."""

    change: SubscriptionChange
    mark: str
    reclaimed: Part
    noticed: Part
    withdrawn: Part
    assigned: dict[int, int]

    @property
    def missing(self) -> int:
        """Number of licenses that would have to be removed but cannot."""
        return self.change.decision.need - self.reclaimed.count - self.noticed.count

    @property
    def is_unchanged(self) -> bool:
        change = self.change
        return (change.decision.total, change.purchase_type) == (change.before, change.before_type)


async def show_subscription(call: ConsoleCall) -> Response:
    return await subscription_page(call, call.text("total"), call.text("purchaseType"))


async def subscription_page(
    call: ConsoleCall, total: str, type_text: str, problem: str = "", status: int = 200, due: str = ""
) -> Response:
    """The page with a preview of the wanted total and purchase type. Raises NotFound and Conflict.

    `due` is the time of the form that schedules the change, as it was sent.
    """
    editing = await _editing(call)
    if editing is not None and not problem:
        due = due or format_timestamp(editing.due_ms)[:19]
        if not call.text("purchaseType") and not call.text("total"):
            total = "" if editing.total is None else str(editing.total)
            type_text = editing.purchase_type.value if editing.purchase_type else ""
    preview: Preview | None = None
    is_loading = False
    if total or type_text:
        try:
            preview = await _preview(call, total, type_text, at_once=bool(call.text("decided") or problem))
            is_loading = preview is None
        except Invalid as error:
            problem, status = sentence(str(error)), 400
    before = call.cursor()
    periods = await list_periods(call.context, call.account, before or MAX_NUMBER, PERIODS_SHOWN + 1)
    next_cursor = periods[PERIODS_SHOWN - 1].number if len(periods) > PERIODS_SHOWN else None
    return await call.page(
        "accounts/subscription.html",
        "Subscription",
        status,
        preview=preview,
        is_loading=is_loading,
        total=total,
        type_text=type_text,
        purchase_types=PURCHASE_TYPES,
        problem=problem,
        periods=Listing(periods[:PERIODS_SHOWN], cursor=before, next_cursor=next_cursor),
        shown=SHOWN,
        query={"total": total, "purchaseType": type_text, "change": editing.id if editing else ""},
        editing=editing,
        due=due,
        next_month_ms=next_billing_month_ms(call.context.clock.now_ms()),
        scheduled=await list_open_changes(call.context, call.account),
        ended=await list_ended_changes(call.context, call.account, ENDED_SHOWN),
        ended_shown=ENDED_SHOWN,
    )


async def _editing(call: ConsoleCall) -> ScheduledChange | None:
    """The scheduled change that is edited, from the query or the path of a form. Raises NotFound and Conflict."""
    path_id = call.request.path_params.get("id")
    number = whole_number("the scheduled change", path_id, 1, MAX_NUMBER) if path_id else call.cursor("change")
    if number is None:
        return None
    change = await get_change(call.context, call.caller(), number)
    check_open(change)
    return change


async def _preview(call: ConsoleCall, total_text: str, type_text: str, at_once: bool) -> Preview | None:
    """The preview; None if it is to be loaded after the page. Raises Invalid."""
    total, purchase_type = parse_subscription(total_text, type_text)
    if total is not None and call.account.used - total > DECIDED_AT_ONCE and not at_once:
        return None
    change = await preview_change(call.context, call.caller(), total, purchase_type)
    kinds = (RECLAIM_KINDS, NOTICE_KINDS, (EntryKind.NOTICE_WITHDRAWN,))

    def compute() -> tuple[str, list[Part]]:
        return change.mark, [Part.of(change.decision, *some) for some in kinds]

    mark, (reclaimed, noticed, withdrawn) = await asyncio.to_thread(compute)
    devices = [line.device for part in (reclaimed, noticed, withdrawn) for line in part.lines]
    assigned = await read_assigned_times(call.context, call.account, devices)
    return Preview(
        change=change, mark=mark, reclaimed=reclaimed, noticed=noticed, withdrawn=withdrawn, assigned=assigned
    )


def parse_subscription(total_text: str, type_text: str) -> tuple[int | None, PurchaseType | None]:
    """The wanted total and purchase type; None where the text is empty. Raises Invalid."""
    total = whole_number("the number of licenses", total_text, 0, MAX_LICENSES) if total_text else None
    return total, parse_purchase_type(type_text) if type_text else None


def parse_purchase_type(text: str) -> PurchaseType:
    """The purchase type of a form. Raises Invalid."""
    try:
        return PurchaseType.parse(text)
    except ValueError as error:
        raise Invalid("the purchase type must be TS-HFOTA-MRC, TS-HFOTA-EVNT or both") from error


async def change(call: ConsoleCall) -> Response:
    """Changes the subscription if its preview is current and, for a reduction, the account's name was typed."""
    total, type_text, mark = call.field("total"), call.field("purchaseType"), call.field("mark")
    wanted, purchase_type = parse_subscription(total, type_text)
    if not mark:
        raise Invalid("preview the change first")
    name = call.account.name
    if call.field("confirm") != name:
        previewed = await preview_change(call.context, call.caller(), wanted, purchase_type)
        if previewed.takes:
            problem = f"Nothing was changed. To confirm, type the account's name: {name}."
            return await subscription_page(call, total, type_text, problem, status=400)
    try:
        done = await change_subscription(
            call.context, caller=call.caller(), total=wanted, purchase_type=purchase_type, marks=[mark]
        )
    except PreviewOutdated:
        await call.load_account()
        problem = "The account has changed since the preview. Nothing was changed. This is the current preview."
        return await subscription_page(call, total, type_text, problem, status=409)
    decision = done.decision
    results = (
        (decision.count(*RECLAIM_KINDS), "license", "reclaimed"),
        (decision.count(*NOTICE_KINDS), "license", "marked for removal"),
        (decision.count(EntryKind.NOTICE_WITHDRAWN), "pending removal", "canceled"),
        (len(decision.canceled_upgrades), "scheduled upgrade", "canceled"),
    )
    texts = [f"{plural(count, singular)} {done}." for count, singular, done in results if count]
    text = " ".join([f"Subscription changed to {plural(decision.total, 'license')}.", *texts])
    return await call.go(call.path("subscription"), text)


async def preview_file(call: ConsoleCall) -> Response:
    """All devices of the preview in the removal order."""
    total, purchase_type = parse_subscription(call.text("total"), call.text("purchaseType"))
    decision = (await preview_change(call.context, call.caller(), total, purchase_type)).decision
    canceled = set(decision.canceled_upgrades)

    async def batches() -> AsyncIterator[Rows]:
        for batch in in_batches(enumerate(decision.entries, start=1), LINES_A_BATCH):
            yield [
                (
                    order,
                    format_device_id(entry.device),
                    entry.kind.what,
                    entry.kind.why,
                    format_timestamp(decision.notice_until_ms) if entry.kind in NOTICE_KINDS else "",
                    "yes" if entry.device in canceled else "",
                )
                for order, entry in batch
            ]

    header = ["place", "deviceId", "what", "why", "noticeUntil", "upgradeCanceled"]
    return csv_stream(f"subscription-{call.account.name}-{decision.total}.csv", header, batches())


_PATH = "/accounts/{account}/subscription"
PAGES = (
    ConsolePage("GET", _PATH, show_subscription),
    ConsolePage("POST", _PATH, change, action="changeSubscription"),
    ConsolePage("GET", f"{_PATH}/preview.csv", preview_file),
)
