"""Changing the subscription: who would lose what and why, then the same as a deed, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import islice

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path, whole_number
from fotapool.console.app.rendering import plural
from fotapool.console.app.streams import Rows, csv_stream
from fotapool.core.timestamps import time_text
from fotapool.domain.accounts.subscriptions import MAX_LICENSES, NOTICE_KINDS, RECLAIM_KINDS, SubscriptionChange
from fotapool.domain.errors import Invalid
from fotapool.domain.licenses.ledger import Entry, EntryKind
from fotapool.domain.names import PurchaseType, format_device_id
from fotapool.services.accounts.subscriptions import PreviewOutdated, change_subscription, list_periods, preview_change
from fotapool.services.licenses.candidate_views import read_assigned_times
from fotapool.store.accounts.accounts import Account

SHOWN = 100
"""How many devices of each kind a preview shows; the file has all."""
DECIDED_AT_ONCE = 2_000
"""A reduction by more licenses is previewed by a request of its own, once the page is there."""
PERIODS_SHOWN = 50
MAX_NUMBER = 2**62
LINES_A_BATCH = 5_000
TYPES = {
    PurchaseType.MRC: "a number of licenses a month",
    PurchaseType.EVENT: "each upgrade is charged",
    PurchaseType.BOTH: "both",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One device of the preview; `place` is its place in line, from 1."""

    place: int
    device: int
    kind: EntryKind


@dataclass(frozen=True, slots=True)
class Part:
    """The devices with which the same happens: how many, and the first of them."""

    count: int
    lines: list[Line]


def _part(entries: Sequence[Entry], *kinds: EntryKind) -> Part:
    found = ((place, entry) for place, entry in enumerate(entries, 1) if entry.kind in kinds)
    lines = [Line(place, entry.device, entry.kind) for place, entry in islice(found, SHOWN)]
    return Part(len(lines) + sum(1 for _ in found), lines)


@dataclass(frozen=True, slots=True)
class Preview:
    """A change as the page shows it."""

    change: SubscriptionChange
    mark: str
    reclaimed: Part
    noticed: Part
    withdrawn: Part
    canceled: list[int]
    assigned: dict[int, int]

    @property
    def short(self) -> int:
        """How many licenses too few would go."""
        return self.change.decision.need - self.reclaimed.count - self.noticed.count


async def show_subscription(call: ConsoleCall) -> Response:
    return await _page(call, await call.account(), call.text("total"), call.text("purchaseType"))


async def _page(
    call: ConsoleCall, account: Account, total: str, type_word: str, problem: str = "", status: int = 200
) -> Response:
    preview: Preview | None = None
    waits = False
    if total or type_word:
        at_once = bool(call.text("decided") or problem)
        try:
            preview = await _previewed(call, account=account, total=total, type_word=type_word, at_once=at_once)
            waits = preview is None
        except Invalid as error:
            problem, status = f"{str(error)[:1].upper()}{str(error)[1:]}.", 400
    before = call.number("before", MAX_NUMBER, 1, MAX_NUMBER)
    periods = await list_periods(call.context, account, before, PERIODS_SHOWN + 1)
    return await call.page(
        "accounts/subscription.html",
        "Subscription",
        status,
        account=account,
        preview=preview,
        waits=waits,
        total=total,
        type_word=type_word,
        types=TYPES,
        problem=problem,
        periods=periods[:PERIODS_SHOWN],
        shown=SHOWN,
        older=periods[PERIODS_SHOWN - 1].number if len(periods) > PERIODS_SHOWN else None,
        query={"total": total, "purchaseType": type_word},
    )


async def _previewed(call: ConsoleCall, account: Account, total: str, type_word: str, at_once: bool) -> Preview | None:
    """The preview, or None if it is for a request of its own. Raises Invalid."""
    wanted, purchase_type = _wanted(total, type_word)
    if wanted is not None and account.used - wanted > DECIDED_AT_ONCE and not at_once:
        return None
    return await _preview(
        call, account, await preview_change(call.context, call.caller(account), wanted, purchase_type)
    )


def _wanted(total: str, type_word: str) -> tuple[int | None, PurchaseType | None]:
    """Raises Invalid."""
    wanted = whole_number("the number of licenses", total, 0, MAX_LICENSES) if total else None
    try:
        return wanted, PurchaseType.parse(type_word) if type_word else None
    except ValueError as error:
        raise Invalid("the purchase type must be TS-HFOTA-MRC, TS-HFOTA-EVNT or both") from error


async def _preview(call: ConsoleCall, account: Account, change: SubscriptionChange) -> Preview:
    kinds = (RECLAIM_KINDS, NOTICE_KINDS, (EntryKind.NOTICE_WITHDRAWN,))

    def look() -> tuple[str, list[Part]]:
        return change.mark, [_part(change.decision.entries, *some) for some in kinds]

    mark, (reclaimed, noticed, withdrawn) = await asyncio.to_thread(look)
    devices = [line.device for part in (reclaimed, noticed, withdrawn) for line in part.lines]
    assigned = await read_assigned_times(call.context, account, devices)
    return Preview(
        change=change,
        mark=mark,
        reclaimed=reclaimed,
        noticed=noticed,
        withdrawn=withdrawn,
        canceled=change.decision.canceled_upgrades,
        assigned=assigned,
    )


async def change(call: ConsoleCall) -> Response:
    account = await call.account()
    total, type_word, mark = call.field("total"), call.field("purchaseType"), call.field("mark")
    wanted, purchase_type = _wanted(total, type_word)
    if not mark:
        raise Invalid("look at the preview first")
    caller = call.caller(account)
    if call.field("confirm") != account.name:
        previewed = await preview_change(call.context, caller, wanted, purchase_type)
        if previewed.takes:
            problem = f"Nothing was changed: to confirm, type the account's name, {account.name}."
            return await _page(call, account=account, total=total, type_word=type_word, problem=problem, status=400)
    try:
        decision = await change_subscription(
            call.context, caller=caller, total=wanted, purchase_type=purchase_type, mark=mark
        )
    except PreviewOutdated:
        problem = "Things have changed since the preview. Nothing was done; this is what would happen now."
        return await _page(
            call, account=await call.account(), total=total, type_word=type_word, problem=problem, status=409
        )
    words = [f"The subscription has {plural(decision.total, 'license')} now."]
    for count, done in (
        (len(decision.devices(*RECLAIM_KINDS)), "taken"),
        (len(decision.devices(*NOTICE_KINDS)), "put under notice"),
        (len(decision.devices(EntryKind.NOTICE_WITHDRAWN)), "no longer under notice"),
    ):
        if count:
            words.append(f"{plural(count, 'license is', 'licenses are')} {done}.")
    if decision.canceled_upgrades:
        words.append(
            f"{plural(len(decision.canceled_upgrades), 'scheduled upgrade is', 'scheduled upgrades are')} canceled."
        )
    return await call.go(account_path(account.name, "subscription"), " ".join(words))


async def preview_file(call: ConsoleCall) -> Response:
    """Every device of the preview, in line."""
    account = await call.account()
    wanted, purchase_type = _wanted(call.text("total"), call.text("purchaseType"))
    found = await preview_change(call.context, call.caller(account), wanted, purchase_type)
    decision = found.decision
    canceled = set(decision.canceled_upgrades)

    async def batches() -> AsyncIterator[Rows]:
        for first in range(0, len(decision.entries), LINES_A_BATCH):
            entries = decision.entries[first : first + LINES_A_BATCH]
            yield [
                (
                    place,
                    format_device_id(entry.device),
                    entry.kind.what,
                    entry.kind.why,
                    time_text(decision.notice_until_ms) if entry.kind in NOTICE_KINDS else "",
                    "yes" if entry.device in canceled else "",
                )
                for place, entry in enumerate(entries, start=first + 1)
            ]

    header = ["place", "deviceId", "what", "why", "noticeUntil", "upgradeCanceled"]
    return csv_stream(f"subscription-{account.name}-{decision.total}.csv", header, batches())


_PATH = "/accounts/{account}/subscription"
PAGES = (
    ConsolePage("GET", _PATH, show_subscription),
    ConsolePage("POST", _PATH, change),
    ConsolePage("GET", f"{_PATH}/preview.csv", preview_file),
)
