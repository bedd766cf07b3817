"""Assigning, removing and checking of any number of devices: chunks, progress, the result file, going on with it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from fotapool.cli.client.devices.device_lists import in_chunks
from fotapool.cli.client.failures import Failure, Interrupted
from fotapool.cli.client.http.api_client import Api
from fotapool.cli.client.http.calls import PATIENT, not_as_documented, parse_response
from fotapool.cli.client.licenses.chunks import Stopped, run_batches
from fotapool.cli.client.licenses.outcomes import LicensesAnswer, Outcome, expected_of, outcome_of
from fotapool.cli.client.licenses.result_file import Result, ResultFile
from fotapool.cli.client.output import print_json_lines, progress

CHECK_CHUNK = 1_000
"""Devices that one request for what is known of them may name."""
TOLD = 10
"""Refused devices that are shown; the result file has all."""
_decode = msgspec.json.Decoder(LicensesAnswer).decode
Outcomes = list[tuple[str, Outcome, str]]
Counts = tuple[int | None, int | None]
"""Licenses used, and in all, where the answer says so."""
Ask = Callable[[list[str]], tuple[Outcomes, Counts]]
"""Asks about a chunk: the outcome of each device, and the account's licenses then."""


def assigning(api: Api, account: str, version: str, action: str) -> Ask:
    return _changing(api, f"/{version}/licenses/{account}/{action}", Outcome.ASSIGNED)


def removing(api: Api, account: str, version: str, action: str) -> Ask:
    return _changing(api, f"/{version}/licenses/{account}/{action}", Outcome.REMOVED)


def _changing(api: Api, path: str, succeeded: Outcome) -> Ask:
    """May be repeated when an answer was lost: neither action does anything to a device a second time."""

    def ask(devices: list[str]) -> tuple[Outcomes, Counts]:
        response = api.request("POST", path, {"deviceList": devices}, retry=PATIENT)
        if response.status_code >= 400:
            parse_response(response)
        try:
            answer = _decode(response.content)
        except msgspec.DecodeError as error:
            raise not_as_documented(response, str(error)) from error
        rows = [
            (row.deviceId, *outcome_of(row.status, row.Reason or row.resultReason, succeeded))
            for row in answer.deviceList
        ]
        return rows, (answer.licUsedCount, answer.total)

    return ask


def checking(api: Api, account: str, version: str, action: str) -> Ask:
    """Asks version 3, which alone tells of named devices, whatever the version of the change will be."""
    subscription = api.call("GET", f"/v3/subscriptions/{account}")
    free = subscription["licenseCount"] - subscription["licenseUsedCount"]
    left = [free if subscription["licenseCount"] else None]
    """None where the account pays for upgrades and has no licenses: then it is not known."""

    def ask(devices: list[str]) -> tuple[Outcomes, Counts]:
        answer = api.call("POST", f"/v3/devices/{account}", {"deviceList": devices}, retry=PATIENT)
        rows: Outcomes = []
        for row in answer["deviceList"]:
            outcome, message = expected_of(row, action == "assign", left[0])
            if outcome is Outcome.WOULD_ASSIGN and left[0] is not None:
                left[0] -= 1
            rows.append((row["deviceId"], outcome, message))
        return rows, (subscription["licenseUsedCount"], subscription["licenseCount"])

    return ask


class Bulk:
    """One run over a list of devices."""

    def __init__(self, api: Api, account: str, action: str, ask: Ask, as_json: bool) -> None:
        self.counts: Counter[Outcome] = Counter()
        self.refused: list[Result] = []
        self._api = api
        self._account = account
        self._action = action
        self._ask = ask
        self._as_json = as_json
        self._used: tuple[int, int] | None = None
        self._seconds = 0.0
        self._asked = self._skipped = self._total = 0
        self._file: ResultFile | None = None

    def run(self, devices: list[str], results: Path | None, resume: bool, chunk: int, parallel: int) -> None:
        """Raises a Failure that says how to go on; what was answered before is counted and written."""
        self._total = len(devices)
        if self._action.startswith("check"):
            chunk, parallel = min(chunk, CHECK_CHUNK), 1  # in order, so that free licenses are counted down
        self._api.sign_in()
        with self._results(results, resume) as already:
            waiting = [device for device in devices if device not in already] if already else devices
            self._skipped = self._total - len(waiting)
            self._count_earlier(devices, already)
            with progress(self._action, self._total, self._skipped) as advance:
                began = time.perf_counter()
                self._run_batches(waiting, chunk, parallel, advance)
                self._seconds = time.perf_counter() - began

    @contextmanager
    def _results(self, path: Path | None, resume: bool) -> Iterator[dict[str, str]]:
        """The outcomes that the file has already."""
        if path is None:
            yield {}
            return
        self._file = ResultFile(path, self._action, self._account)
        try:
            if resume:
                yield self._file.resume()
            else:
                self._file.begin()
                yield {}
        finally:
            self._file.close()

    def _run_batches(self, devices: list[str], chunk: int, parallel: int, advance: Callable[[int], None]) -> None:
        def take(asked: list[str], answer: tuple[Outcomes, Counts]) -> None:
            self._take(*answer)
            advance(len(asked))

        try:
            run_batches(in_chunks(devices, chunk), self._ask, parallel, take)
        except Stopped as stopped:
            raise Interrupted(f"stopped: {self._progress()}", self._how_to_go_on()) from stopped
        except Failure as failure:
            failure.notes += [self._progress(), self._how_to_go_on()]
            raise

    def _take(self, rows: Outcomes, counts: Counts) -> None:
        self._asked += len(rows)
        self._note(*counts)
        found = Counter(row[1] for row in rows)
        self.counts += found
        if not all(outcome.is_good for outcome in found):
            self.refused += [row for row in rows if not row[1].is_good][: TOLD - len(self.refused)]
        if self._file is not None:
            self._file.write(rows)
        if self._as_json:
            print_json_lines({"deviceId": row[0], "outcome": row[1], "message": row[2]} for row in rows)

    def _count_earlier(self, devices: list[str], already: dict[str, str]) -> None:
        """So that the summary and the exit code are about the whole list, whichever run asked."""
        known = {str(outcome): outcome for outcome in Outcome}
        for device in devices if already else ():
            if device in already:
                self.counts[known.get(already[device], Outcome.REFUSED)] += 1

    def _note(self, used: int | None, total: int | None) -> None:
        """Answers may come in another order than the changes were made: the furthest count is the newest."""
        if used is not None and total is not None:
            furthest = min if self._action == "remove" else max
            self._used = (used if self._used is None else furthest(used, self._used[0]), total)

    def _progress(self) -> str:
        return f"{self._asked + self._skipped:,} of {self._total:,} devices have an outcome."

    def _how_to_go_on(self) -> str:
        if self._file is not None:
            return f"Give the same command with --resume: it goes on after {self._file.path}."
        return "Give the same command again: what was done is not done twice."

    def stderr_note(self) -> str:
        """The last line for people: how many, how fast, and how many licenses are used now."""
        parts = [f"{self._asked:,} device{'' if self._asked == 1 else 's'} in {self._seconds:.2f} s"]
        if self._skipped:
            parts.append(f"{self._skipped:,} had an outcome before")
        if self._used:
            parts.append(f"{self._used[0]:,} of {self._used[1]:,} licenses are used")
        if self._file is not None:
            parts.append(f"results in {self._file.path}")
        refused = sum(count for outcome, count in self.counts.items() if not outcome.is_good)
        if refused > len(self.refused):
            parts.append(f"{refused - len(self.refused):,} more were refused; --results has them all")
        return "; ".join(parts)
