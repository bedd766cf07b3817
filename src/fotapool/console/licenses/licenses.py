"""Assigning and removing licenses by a list: check it, carry it out, watch it, and its result as a file."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.responses import Response

from fotapool.console.app.pages import ConsoleCall, ConsolePage, account_path
from fotapool.console.app.streams import Rows, csv_stream
from fotapool.domain.errors import Conflict, ErrorCode, Invalid, RequestRejected
from fotapool.domain.licenses.bulk_jobs import MAX_BULK_DEVICES, MAX_SHOWN, BulkVerb, DeviceLines
from fotapool.domain.licenses.licenses import Outcome
from fotapool.domain.names import format_device_id
from fotapool.services.licenses import bulk_jobs
from fotapool.store.accounts.accounts import Account
from fotapool.store.db.connection import StoreUnavailable
from fotapool.store.licenses.bulk_jobs import BulkJob, word_of

CHECKED_AT_ONCE = 2_000
"""A longer list is checked by a request of its own, once its page is there."""
MAX_LIST_BYTES = 16 * 1024 * 1024
"""How long an uploaded list may be."""
WAITING = "waiting"
UNREADABLE = "left_out"
WOULD = {
    Outcome.ASSIGNED: "would get a license",
    Outcome.PREEXISTING: "have a license already",
    Outcome.NO_FREE_LICENSE: "would get none: no license is free for them",
    Outcome.DEVICE_NOT_FOUND: "are not devices of this account",
    Outcome.REMOVED: "would lose their license",
    Outcome.NO_LICENSE: "have no license",
    Outcome.USED_BY_UPGRADE: "would keep it: an upgrade has completed since it was assigned",
    Outcome.UPGRADE_IN_PROGRESS: "would keep it: an upgrade is in progress",
    Outcome.UNDER_NOTICE: "are under notice: their license is taken later",
}
"""What the check says of the devices with an outcome."""


async def show_form(call: ConsoleCall) -> Response:
    account = await call.account()
    return await _form(call, account, BulkVerb.ASSIGN, "")


async def _form(
    call: ConsoleCall, account: Account, verb: BulkVerb, text: str, problem: str = "", status: int = 200
) -> Response:
    jobs = await bulk_jobs.list_jobs(call.context, account)
    return await call.page(
        "licenses/licenses.html",
        "Assign and remove",
        status,
        account=account,
        jobs=jobs,
        verb=verb.value,
        text=text,
        problem=problem,
        max_devices=MAX_BULK_DEVICES,
    )


async def check_list(call: ConsoleCall) -> Response:
    account = await call.account()
    verb = _verb(call.field("verb"))
    text = call.field("list")
    try:
        lines = await read_list(call, text)
    except Invalid as error:
        return await _form(call, account=account, verb=verb, text=text, problem=str(error), status=400)
    try:
        job = await bulk_jobs.create_draft_job(call.context, call.caller(account), verb, lines)
    except Conflict as error:
        return await _form(call, account=account, verb=verb, text=text, problem=str(error), status=409)
    return await call.go(_path(account, job.uuid))


async def read_list(call: ConsoleCall, text: str) -> DeviceLines:
    """The devices of the form's text, or of its file. Raises Invalid."""
    upload = call.upload("file")
    if upload is not None:
        content = await upload.read(MAX_LIST_BYTES + 1)
        if len(content) > MAX_LIST_BYTES:
            raise RequestRejected(ErrorCode.FILE_TOO_LARGE)
        if text:
            raise Invalid("there is a pasted list and a file: send one of the two")
        text = content.decode("utf-8-sig", "replace")
    if not text:
        raise Invalid("there is no list: paste it, or choose a file")
    return await asyncio.to_thread(bulk_jobs.read_lines, text)


def _verb(word: str) -> BulkVerb:
    try:
        return BulkVerb(word)
    except ValueError as error:
        raise Invalid("choose whether to assign or to remove") from error


def _path(account: Account, uuid: str, *parts: str) -> str:
    return account_path(account.name, "licenses", "jobs", uuid, *parts)


async def show_job(call: ConsoleCall) -> Response:
    account = await call.account()
    job = await bulk_jobs.get_job(call.context, account, call.request.path_params["job"])
    return await (_show_check(call, account, job) if job.is_draft else _show_result(call, account, job))


async def _show_check(call: ConsoleCall, account: Account, job: BulkJob) -> Response:
    at_once = job.devices <= CHECKED_AT_ONCE or bool(call.text("check"))
    check = await bulk_jobs.check_job(call.context, job) if at_once else None
    title = "Check: assign licenses" if job.verb is BulkVerb.ASSIGN else "Check: remove licenses"
    return await call.page(
        "licenses/bulk_preview.html",
        title,
        account=account,
        job=job,
        check=check,
        would=WOULD,
        shown=MAX_SHOWN,
        left_out=await bulk_jobs.list_left_out(call.context, job),
        verb=job.verb.value,
        free=max(0, account.total - account.used),
    )


async def _show_result(call: ConsoleCall, account: Account, job: BulkJob) -> Response:
    result = await bulk_jobs.read_result(call.context, account, job.uuid)
    title = "Assigning licenses" if job.verb is BulkVerb.ASSIGN else "Removing licenses"
    return await call.page(
        "licenses/bulk_job.html",
        title,
        account=account,
        job=result.job,
        counts=result.counts,
        not_done=result.not_done,
        left_out=result.left_out,
        verb=job.verb.value,
        shown=MAX_SHOWN,
        word_of=word_of,
    )


async def start(call: ConsoleCall) -> Response:
    """Starts the list, and does its first step at once: of a short list that is all."""
    account = await call.account()
    job = await bulk_jobs.start_job(call.context, account, call.request.path_params["job"])
    with contextlib.suppress(RequestRejected, StoreUnavailable):  # it was started: the engine goes on
        await bulk_jobs.step_job(call.context, job)
    job = await bulk_jobs.get_job(call.context, account, job.uuid)
    if job.ended_ms is not None:
        return await call.go(_path(account, job.uuid))
    words = "The list is being carried out. You may leave this page and come back."
    return await call.go(_path(account, job.uuid), words)


async def stop(call: ConsoleCall) -> Response:
    account = await call.account()
    job = await bulk_jobs.stop_job(call.context, account, call.request.path_params["job"])
    if not job.done:
        return await call.go(account_path(account.name, "licenses"), "The list was put away; no license was changed.")
    words = "Stopped. What was done before stays done; the result file says what that is."
    return await call.go(_path(account, job.uuid), words)


async def result_file(call: ConsoleCall) -> Response:
    account = await call.account()
    result = await bulk_jobs.read_result(call.context, account, call.request.path_params["job"])

    async def batches() -> AsyncIterator[Rows]:
        async for lines in bulk_jobs.read_result_lines(call.context, result.job):
            yield [_line(device, outcome) for device, outcome in lines]
        yield [("", UNREADABLE, f"line {one.line}: {one.reason}") for one in result.left_out]

    name = f"{result.job.verb.value}-{account.name}-{result.job.uuid[:8]}.csv"
    return csv_stream(name, ["deviceId", "outcome", "words"], batches())


def _line(device: int, outcome: Outcome | None) -> tuple[str, str, str]:
    if outcome is None:
        return format_device_id(device), WAITING, "not carried out"
    return format_device_id(device), word_of(outcome), outcome.value


_JOB = "/accounts/{account}/licenses/jobs/{job}"
PAGES = (
    ConsolePage("GET", "/accounts/{account}/licenses", show_form),
    ConsolePage("POST", "/accounts/{account}/licenses", check_list),
    ConsolePage("GET", _JOB, show_job),
    ConsolePage("POST", f"{_JOB}/start", start),
    ConsolePage("POST", f"{_JOB}/stop", stop),
    ConsolePage("GET", f"{_JOB}/result.csv", result_file),
)
