"""Scheduled changes of a subscription: forms on the page of the subscription that schedule, edit and cancel them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from fotapool.console.accounts.subscriptions import parse_subscription, subscription_page
from fotapool.console.app.errors import sentence
from fotapool.console.app.pages import MAX_CURSOR, ConsoleCall, ConsolePage, whole_number
from fotapool.console.app.rendering import timestamp
from fotapool.domain.accounts.scheduled_changes import NEXT_BILLING_MONTH, ScheduledChange
from fotapool.domain.errors import Conflict, Invalid
from fotapool.services.accounts import scheduled_changes as service
from fotapool.services.accounts.scheduled_changes import Plan
from fotapool.services.accounts.subscriptions import preview_change


async def schedule(call: ConsoleCall) -> Response:
    async def save(plan: Plan) -> ScheduledChange:
        return await service.schedule_change(call.context, call.caller(), plan)

    return await _save(call, save, "Change scheduled for {}.")


async def edit(call: ConsoleCall) -> Response:
    async def save(plan: Plan) -> ScheduledChange:
        return await service.edit_change(call.context, call.caller(), _change_id(call), plan)

    return await _save(call, save, "Scheduled change saved. It is due at {}.")


async def _save(call: ConsoleCall, save: Callable[[Plan], Awaitable[ScheduledChange]], text: str) -> Response:
    """Saves the form's plan; asks for the account's name if the change would take licenses now."""
    total_text, type_text, due = call.field("total"), call.field("purchaseType"), call.field("dueTime")
    total, purchase_type = parse_subscription(total_text, type_text)
    name = call.account.name
    problem, status = "", 400
    try:
        if call.field("confirm") != name:
            previewed = await preview_change(call.context, call.caller(), total, purchase_type)
            if previewed.takes:
                problem = f"Nothing was scheduled. To confirm, type the account's name: {name}."
        if not problem:
            saved = await save(Plan(due or NEXT_BILLING_MONTH, total, purchase_type))
            return await call.go(call.path("subscription"), text.format(f"{timestamp(saved.due_ms)} UTC"))
    except (Invalid, Conflict) as error:
        problem = sentence(str(error))
        status = 400 if isinstance(error, Invalid) else 409
    return await subscription_page(call, total_text, type_text, problem=problem, status=status, due=due)


async def cancel(call: ConsoleCall) -> Response:
    canceled = await service.cancel_change(call.context, call.caller(), _change_id(call))
    return await call.go(call.path("subscription"), f"Scheduled change of {timestamp(canceled.due_ms)} UTC canceled.")


def _change_id(call: ConsoleCall) -> int:
    return whole_number("the scheduled change", call.request.path_params["id"], 1, MAX_CURSOR)


_PATH = "/accounts/{account}/subscription/scheduled-changes"
PAGES = (
    ConsolePage("POST", _PATH, schedule, action="scheduleSubscriptionChange"),
    ConsolePage("POST", f"{_PATH}/{{id}}", edit, action="editScheduledChange"),
    ConsolePage("POST", f"{_PATH}/{{id}}/cancel", cancel, action="cancelScheduledChange"),
)
