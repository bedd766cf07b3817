"""Assigning and removing licenses in bulk: preview of a list, its job with progress, and the result file."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.responses import Response

from fotapool.console.app.downloads import Rows, csv_file, csv_stream
from fotapool.console.app.pages import ConsoleCall, ConsolePage
from fotapool.domain.devices.device_lists import DeviceList
from fotapool.domain.errors import Conflict, ErrorCode, Invalid, RequestRejected
from fotapool.domain.licenses.bulk_jobs import MAX_BULK_DEVICES, MAX_SHOWN, BulkCheck, BulkVerb
from fotapool.domain.licenses.licenses import Outcome
from fotapool.domain.names import format_device_id
from fotapool.services.licenses import bulk_jobs
from fotapool.store.db.connection import StoreUnavailable
from fotapool.store.licenses.bulk_jobs import BulkJob, word_of

CHECKED_AT_ONCE = 2_000
"""Longest list that is previewed with the page; longer ones are loaded after it."""
CONFIRMED_FROM = 1_000
"""Number of licenses from which on a removal is confirmed by typing their number."""
MAX_LIST_BYTES = 16 * 1024 * 1024
"""Maximum size of an uploaded list."""
WAITING = "waiting"
UNREADABLE = "left_out"
PREVIEW_LABELS = {
    Outcome.ASSIGNED: "get a license",
    Outcome.PREEXISTING: "already have a license",
    Outcome.NO_FREE_LICENSE: "get no license: none available",
    Outcome.DEVICE_NOT_FOUND: "are not devices of this account",
    Outcome.REMOVED: "lose their license",
    Outcome.NO_LICENSE: "have no license",
    Outcome.USED_BY_UPGRADE: "keep their license: used by a completed upgrade",
    Outcome.UPGRADE_IN_PROGRESS: "keep their license: upgrade in progress",
    Outcome.UNDER_NOTICE: "keep their license until its pending removal",
}
"""The preview's labels, each after a number of devices."""


async def show_form(
    call: ConsoleCall, verb: BulkVerb = BulkVerb.ASSIGN, text: str = "", problem: str = "", status: int = 200
) -> Response:
    return await call.page(
        "licenses/licenses.html",
        "Licenses",
        status,
        jobs=await bulk_jobs.list_jobs(call.context, call.account),
        verb=verb.value,
        text=text,
        problem=problem,
        max_devices=MAX_BULK_DEVICES,
    )


async def check_list(call: ConsoleCall) -> Response:
    """Stores the list as a draft job, whose page previews it."""
    try:
        verb = BulkVerb(call.field("verb"))
    except ValueError as error:
        raise Invalid("choose whether to assign or to remove") from error
    text = call.field("list")
    try:
        found = await read_list(call, text)
        job = await bulk_jobs.create_draft_job(call.context, call.caller(), verb, found)
    except (Invalid, Conflict) as error:
        return await show_form(call, verb, text, problem=str(error), status=400 if isinstance(error, Invalid) else 409)
    return await call.go(_path(call, job), " ".join(found.notes), "warn")


async def read_list(call: ConsoleCall, text: str) -> DeviceList:
    """The devices of the form's text or file. Raises Invalid."""
    upload = call.upload("file")
    content = text.encode()
    if upload is not None:
        content = await upload.read(MAX_LIST_BYTES + 1)
        if len(content) > MAX_LIST_BYTES:
            raise RequestRejected(ErrorCode.FILE_TOO_LARGE)
        if text:
            raise Invalid("there is a pasted list and a file: send only one of them")
    if not content:
        raise Invalid("there is no list: paste it, or choose a file")
    return await asyncio.to_thread(bulk_jobs.read_list, content)


def _path(call: ConsoleCall, job: BulkJob) -> str:
    return call.path("licenses", "jobs", job.uuid)


async def show_job(call: ConsoleCall) -> Response:
    """The preview of a draft job, or the progress and result of one that was started."""
    job = await _job(call)
    if not job.is_draft:
        result = await bulk_jobs.read_result(call.context, call.account, job.uuid)
        return await call.page(
            "licenses/bulk_job.html",
            f"{job.verb.value.capitalize()} licenses",
            job=result.job,
            verb=job.verb.value,
            shown=MAX_SHOWN,
            job_path=_path(call, job),
            result=result,
            has_refused=not bulk_jobs.REFUSED.isdisjoint(result.counts),
        )
    at_once = job.devices <= CHECKED_AT_ONCE or bool(call.text("check"))
    return await _preview(call, job, await bulk_jobs.check_job(call.context, job) if at_once else None)


async def _job(call: ConsoleCall) -> BulkJob:
    return await bulk_jobs.get_job(call.context, call.account, call.request.path_params["job"])


async def _preview(
    call: ConsoleCall, job: BulkJob, check: BulkCheck | None, problem: str = "", status: int = 200
) -> Response:
    return await call.page(
        "licenses/bulk_preview.html",
        f"Preview: {job.verb.value} licenses",
        status,
        job=job,
        verb=job.verb.value,
        shown=MAX_SHOWN,
        job_path=_path(call, job),
        check=check,
        confirm_number=_is_confirmed_by_number(job, check),
        preview_labels=PREVIEW_LABELS,
        left_out=await bulk_jobs.list_left_out(call.context, job),
        available=call.account.free,
        problem=problem,
    )


def _is_confirmed_by_number(job: BulkJob, check: BulkCheck | None) -> bool:
    """Whether the number of licenses must be typed, since many are removed."""
    return job.verb is BulkVerb.REMOVE and check is not None and check.done >= CONFIRMED_FROM


async def start(call: ConsoleCall) -> Response:
    """Starts the job if its preview is current, and runs its first step, which completes a short list."""
    mark, draft = call.field("mark"), await _job(call)
    if draft.is_draft and (mark or draft.devices >= CONFIRMED_FROM):
        check = await bulk_jobs.check_job(call.context, draft)
        if _is_confirmed_by_number(draft, check) and call.field("confirm") != str(check.done):
            problem = f"Nothing was changed. To confirm, type the number of licenses to remove: {check.done}."
            return await _preview(call, draft, check, problem, status=400)
        if check.mark != mark:
            problem = "The account has changed since the preview. Nothing was changed. This is the current preview."
            return await _preview(call, draft, check, problem, status=409)
    job = await bulk_jobs.start_job(call.context, call.account, call.request.path_params["job"])
    with contextlib.suppress(RequestRejected, StoreUnavailable):  # the job is started: the worker resumes it
        await bulk_jobs.step_job(call.context, job)
    job = await bulk_jobs.get_job(call.context, call.account, job.uuid)
    running = "The job runs in the background. You can leave this page."
    return await call.go(_path(call, job), "" if job.ended_ms is not None else running)


async def stop(call: ConsoleCall) -> Response:
    """Stops a running job, or discards a draft."""
    job = await bulk_jobs.stop_job(call.context, call.account, call.request.path_params["job"])
    if not job.done:
        return await call.go(call.path("licenses"), "List discarded. No license was changed.")
    return await call.go(_path(call, job), "Job stopped. Changes made before the stop remain; see the result file.")


async def result_file(call: ConsoleCall) -> Response:
    result = await bulk_jobs.read_result(call.context, call.account, call.request.path_params["job"])

    async def batches() -> AsyncIterator[Rows]:
        async for lines in bulk_jobs.read_result_lines(call.context, result.job):
            yield [_line(device, outcome) for device, outcome in lines]
        yield [("", UNREADABLE, f"line {one.line}: {one.reason}") for one in result.left_out]

    name = f"{result.job.verb.value}-{call.account.name}-{result.job.uuid[:8]}.csv"
    return csv_stream(name, ["deviceId", "outcome", "message"], batches())


async def failed_file(call: ConsoleCall) -> Response:
    """The lines and devices of the list that failed, to fix and send again."""
    job = await bulk_jobs.get_job(call.context, call.account, call.request.path_params["job"])
    header, *rows = (await bulk_jobs.read_failed_lines(call.context, job)).rows()
    return csv_file(f"failed-{job.uuid[:8]}.csv", list(map(str, header)), rows)


def _line(device: int, outcome: Outcome | None) -> tuple[str, str, str]:
    if outcome is None:
        return format_device_id(device), WAITING, "not processed"
    return format_device_id(device), word_of(outcome), outcome.value


_JOB = "/accounts/{account}/licenses/jobs/{job}"
PAGES = (
    ConsolePage("GET", "/accounts/{account}/licenses", show_form),
    ConsolePage("POST", "/accounts/{account}/licenses", check_list, action="createBulkJob"),
    ConsolePage("GET", _JOB, show_job),
    ConsolePage("POST", f"{_JOB}/start", start, action="startBulkJob"),
    ConsolePage("POST", f"{_JOB}/stop", stop, action="stopBulkJob"),
    ConsolePage("GET", f"{_JOB}/result.csv", result_file),
    ConsolePage("GET", f"{_JOB}/failed.csv", failed_file),
)
