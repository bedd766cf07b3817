"""The report of a comparison, grouped by operation: text for people, a document for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fotapool.recording.differences import Difference
from fotapool.recording.replay import Result

MAX_NUMBERS = 10
"""How many requests the text lists for a difference."""
_TEXTS = {"missing": "is missing here; recorded {recorded}", "extra": "was not in the recorded answer; here {answered}"}
_OTHER_TEXT = "{what}: recorded {recorded}, here {answered}"


def as_document(results: Sequence[Result]) -> dict[str, Any]:
    """The document that `--json` prints."""
    return {
        "requests": len(results),
        "compared": sum(not one.skipped for one in results),
        "differing": sum(bool(one.differences) for one in results),
        "skipped": [{"request": one.number, "why": one.skipped} for one in results if one.skipped],
        "operations": [
            {
                "operation": same[0].operation,
                "name": same[0].name,
                "method": same[0].method,
                "path": same[0].path,
                "requests": len(same),
                "differing": sum(bool(one.differences) for one in same),
                "differences": [
                    {
                        "where": found.where,
                        "what": found.what,
                        "recorded": found.recorded,
                        "here": found.answered,
                        "requests": numbers,
                    }
                    for found, numbers in _differences(same)
                ],
            }
            for same in _by_operation(results)
        ],
    }


def as_text(results: Sequence[Result]) -> Iterator[str]:
    """Yields lines: operations with differences, skipped requests, and the total."""
    for same in _by_operation(results):
        differing = sum(bool(one.differences) for one in same)
        if differing:
            yield f"{_title(same[0])}  ({differing} of {_many(len(same), 'request')})"
            for found, numbers in _differences(same):
                yield f"  {found.where}  {_text(found)}  {_requests(numbers)}"
            yield ""
    for one in results:
        if one.skipped:
            yield f"request {one.number} ({_title(one)}) was not sent: {one.skipped}"
    compared = [one for one in results if not one.skipped]
    differing = sum(bool(one.differences) for one in compared)
    yield f"{_many(len(compared), 'request')} compared, {differing or 'none'} with differences"


def _title(one: Result) -> str:
    return f"{one.operation} {one.name}  {one.method} {one.path}" if one.operation else f"{one.method} {one.path}"


def _text(found: Difference) -> str:
    text = _TEXTS.get(found.what, _OTHER_TEXT)
    return text.format(what=found.what, recorded=found.recorded or "none", answered=found.answered or "none")


def _requests(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - MAX_NUMBERS} more" if len(numbers) > MAX_NUMBERS else ""
    label = "request" if len(numbers) == 1 else "requests"
    return f"[{label} {', '.join(map(str, numbers[:MAX_NUMBERS]))}{more}]"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _by_operation(results: Sequence[Result]) -> list[list[Result]]:
    groups: dict[tuple[str, str], list[Result]] = {}
    for one in results:
        groups.setdefault((one.method, one.path), []).append(one)
    return list(groups.values())


def _differences(same: Sequence[Result]) -> list[tuple[Difference, list[int]]]:
    """Each difference once, with the numbers of its requests."""
    found: dict[Difference, list[int]] = {}
    for one in same:
        for difference in one.differences:
            found.setdefault(difference, []).append(one.number)
    return list(found.items())
