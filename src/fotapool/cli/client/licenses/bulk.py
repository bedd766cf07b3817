"""Assigning, removing and checking licenses of any number of devices: batches, progress, result file, resuming."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from fotapool.cli.client.devices.device_lists import in_batches
from fotapool.cli.client.failures import Failure, Interrupted
from fotapool.cli.client.http.api_client import ApiClient
from fotapool.cli.client.http.calls import RETRY_OUTAGE, parse_response, unexpected_response
from fotapool.cli.client.licenses.batches import Stopped, run_batches
from fotapool.cli.client.licenses.outcomes import (
    DeviceOutcome,
    LicensesResponse,
    Result,
    expected_outcome,
    outcome_of,
)
from fotapool.cli.client.licenses.result_file import ResultFile
from fotapool.cli.client.output import print_json_lines, progress

CHECK_BATCH = 1_000
"""Maximum number of devices in a request that reads their state."""
MAX_REFUSED_SHOWN = 10
_decode = msgspec.json.Decoder(LicensesResponse).decode
Counts = tuple[int | None, int | None]
"""Licenses used and in total, None where the response does not have them."""
Send = Callable[[list[str]], tuple[list[Result], Counts]]
"""Sends one batch; returns the result of each device, and the account's counts."""


def send_changes(client: ApiClient, account: str, version: str, action: str) -> Send:
    """Assigns or removes. Safe to retry: a device that was changed already is not changed again."""
    path = f"/{version}/licenses/{account}/{action}"
    success = DeviceOutcome.ASSIGNED if action == "assign" else DeviceOutcome.REMOVED

    def send(devices: list[str]) -> tuple[list[Result], Counts]:
        response = client.request("POST", path, {"deviceList": devices}, retry=RETRY_OUTAGE)
        if response.status_code >= 400:
            parse_response(response)
        try:
            answer = _decode(response.content)
        except msgspec.DecodeError as error:
            raise unexpected_response(response, str(error)) from error
        results = [
            (row.deviceId, *outcome_of(row.status, row.Reason or row.resultReason, success))
            for row in answer.deviceList
        ]
        return results, (answer.licUsedCount, answer.total)

    return send


def send_checks(client: ApiClient, account: str, version: str, action: str) -> Send:
    """Reads the devices' state, by version 3 whatever `version` is: the others cannot read named devices."""
    subscription = client.call("GET", f"/v3/subscriptions/{account}")
    total, used = subscription["licenseCount"], subscription["licenseUsedCount"]
    free = total - used if total else None

    def send(devices: list[str]) -> tuple[list[Result], Counts]:
        nonlocal free
        answer = client.call("POST", f"/v3/devices/{account}", {"deviceList": devices}, retry=RETRY_OUTAGE)
        results: list[Result] = []
        for row in answer["deviceList"]:
            outcome, message = expected_outcome(row, action == "assign", free)
            if outcome is DeviceOutcome.WOULD_ASSIGN and free is not None:
                free -= 1
            results.append((row["deviceId"], outcome, message))
        return results, (used, total)

    return send


class BulkRun:
    """One run over a list of devices. `counts` and `refused` have its results."""

    def __init__(self, client: ApiClient, account: str, action: str, send: Send, as_json: bool) -> None:
        self.counts: Counter[DeviceOutcome] = Counter()
        self.refused: list[Result] = []
        """The first MAX_REFUSED_SHOWN refused devices."""
        self.add_refused: Callable[[str, str], None] = lambda device, reason: None
        """Called with each refused device and the reason."""
        self._client = client
        self._account = account
        self._action = action
        self._send = send
        self._as_json = as_json
        self._licenses: tuple[int, int] | None = None
        self._seconds = 0.0
        self._completed = self._skipped = self._total = 0
        self._file: ResultFile | None = None

    def run(self, devices: list[str], results: Path | None, resume: bool, batch: int, parallel: int) -> None:
        """Raises a Failure that says how to resume; results received before are counted and written."""
        self._total = len(devices)
        if self._action.startswith("check"):
            batch, parallel = min(batch, CHECK_BATCH), 1  # in order, because free licenses are counted down
        self._client.sign_in()
        with self._open_results(results, resume) as earlier:
            remaining = [device for device in devices if device not in earlier] if earlier else devices
            self._skipped = self._total - len(remaining)
            self._count_earlier(devices, earlier)
            with progress(self._action, self._total, self._skipped) as advance:
                started = time.perf_counter()
                self._run_batches(remaining, batch, parallel, advance)
                self._seconds = time.perf_counter() - started

    @contextmanager
    def _open_results(self, path: Path | None, resume: bool) -> Iterator[dict[str, str]]:
        """The outcomes that the result file has already, by device."""
        if path is None:
            yield {}
            return
        self._file = ResultFile(path, self._action, self._account)
        try:
            if resume:
                yield self._file.resume()
            else:
                self._file.create()
                yield {}
        finally:
            self._file.close()

    def _run_batches(self, devices: list[str], batch: int, parallel: int, advance: Callable[[int], None]) -> None:
        def handle(results: list[Result], counts: Counts) -> None:
            self._record(results, counts)
            advance(len(results))

        try:
            run_batches(in_batches(devices, batch), self._send, parallel, lambda answer: handle(*answer))
        except Stopped as stopped:
            raise Interrupted(f"stopped: {self._progress()}", self._how_to_resume()) from stopped
        except Failure as failure:
            failure.notes += [self._progress(), self._how_to_resume()]
            raise

    def _record(self, results: list[Result], counts: Counts) -> None:
        self._completed += len(results)
        self._update_licenses(*counts)
        found = Counter(outcome for _, outcome, _ in results)
        self.counts += found
        if not all(outcome.is_success for outcome in found):
            refused = [result for result in results if not result[1].is_success]
            self.refused += refused[: MAX_REFUSED_SHOWN - len(self.refused)]
            for device, outcome, message in refused:
                self.add_refused(device, message or outcome)
        if self._file is not None:
            self._file.write(results)
        if self._as_json:
            print_json_lines({"deviceId": row[0], "outcome": row[1], "message": row[2]} for row in results)

    def _count_earlier(self, devices: list[str], earlier: dict[str, str]) -> None:
        """Counts the results of earlier runs: summary and exit code are those of the whole list."""
        known = {str(outcome): outcome for outcome in DeviceOutcome}
        self.counts.update(known.get(earlier[device], DeviceOutcome.REFUSED) for device in devices if device in earlier)

    def _update_licenses(self, used: int | None, total: int | None) -> None:
        """Responses may arrive in any order: the count that is furthest along is the latest one."""
        if used is not None and total is not None:
            latest = min if self._action == "remove" else max
            self._licenses = (used if self._licenses is None else latest(used, self._licenses[0]), total)

    def _progress(self) -> str:
        return f"{self._completed + self._skipped:,} of {self._total:,} devices have an outcome."

    def _how_to_resume(self) -> str:
        if self._file is not None:
            return f"Run the command again with --resume: it skips the devices in {self._file.path}."
        return "Run the command again: it is safe to repeat."

    def summary(self) -> str:
        """One line: the number of devices, the time, the licenses in use, the result file."""
        parts = [f"{self._completed:,} device{'' if self._completed == 1 else 's'} in {self._seconds:.2f} s"]
        if self._skipped:
            parts.append(f"{self._skipped:,} skipped, they had an outcome before")
        if self._licenses:
            parts.append(f"{self._licenses[0]:,} of {self._licenses[1]:,} licenses are used")
        if self._file is not None:
            parts.append(f"results in {self._file.path}")
        refused = sum(count for outcome, count in self.counts.items() if not outcome.is_success)
        if refused > len(self.refused):
            parts.append(f"{refused - len(self.refused):,} more were refused; --results lists all")
        return "; ".join(parts)
