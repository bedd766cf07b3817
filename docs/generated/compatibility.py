"""docs/reference/compatibility.md: each operation's evidence, paths and tests, and the messages of each version."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

from fotapool.api.common.operations import Evidence, Operation
from fotapool.api.m2m import routes as m2m
from fotapool.api.openapi.versions import VERSIONS
from fotapool.api.v1 import licenses as v1
from fotapool.api.v2 import licenses as v2
from fotapool.api.v3 import licenses as v3
from fotapool.domain.licenses.licenses import Outcome
from generated.operations import in_order, version
from generated.sdk_calls import sdk_calls
from generated.tables import code, codes, table

ROOT = Path(__file__).parents[2]
LEVELS = {Evidence.SEED: "page read whole", Evidence.DOCUMENTED: "documented", Evidence.SDK: "SDK"}
_MEANING = {
    Evidence.SEED: "one of the four vendor pages that the project started from: rules, fields and example",
    Evidence.DOCUMENTED: "the vendor's public documentation, of which parts could not be read",
    Evidence.SDK: "only the models of the vendor's SDKs",
}


_PAGE_OF = {
    "assign_licenses": "assign",
    "remove_licenses": "remove",
    "create_candidates": "cancel",
    "get_licenses": "status",
}
"""How the golden examples call their operation."""


@cache
def _calls() -> dict[str, list[Path]]:
    return sdk_calls(ROOT / "tests/api/sdk")


@cache
def all_operations() -> list[dict[str, str]]:
    """The 71 operations of the vendor's SDK."""
    with open(ROOT / "docs/coverage.tsv", encoding="utf-8", newline="") as file:
        next(file)
        return list(csv.DictReader(file, delimiter="\t"))


def here() -> list[tuple[ModuleType, Operation]]:
    return [(module, op) for module in VERSIONS for op in in_order(module)]


def _tested(module: ModuleType, operation: Operation) -> str:
    """What a test compares the answer with or calls the operation by, besides plain HTTP."""
    name = f"_{version(module)}_{_PAGE_OF.get(operation.name, '-')}_answer.json"
    examples = [path for path in (ROOT / "tests/api/golden").glob("*.json") if path.name.endswith(name)]
    found = [f"[the page's example](../{path.relative_to(ROOT).as_posix()})" for path in examples]
    found += [f"[{path.name}](../{path.relative_to(ROOT).as_posix()})" for path in _calls().get(operation.sdk, ())]
    return "<br>".join(found) or "HTTP only"


def coverage() -> str:
    return _table(here())


def _table(operations: list[tuple[ModuleType, Operation]]) -> str:
    rows = [
        [
            operation.id,
            operation.summary,
            LEVELS[operation.evidence],
            codes(f"{method} {module.BASE}{path}" for method, path in operation.calls),
            code(operation.sdk),
            _tested(module, operation),
        ]
        for module, operation in operations
    ]
    return table(["No.", "Operation", "Evidence", "Paths", "In the vendor's Python SDK", "Tested with"], rows)


def levels() -> str:
    return table(["Evidence", "What it rests on"], [[LEVELS[level], _MEANING[level]] for level in Evidence])


def counts() -> str:
    """How many of the operations are here."""
    everything = all_operations()
    rows = []
    for module in VERSIONS:
        total = sum(row["version"] == version(module) for row in everything)
        rows.append([version(module), str(len(module.OPERATIONS)), str(total)])
    rows.append(["together", str(len(here())), str(len(everything))])
    return table(["Version", "Here", "Of"], rows)


_ASSIGN = (Outcome.ASSIGNED, Outcome.PREEXISTING, Outcome.NO_FREE_LICENSE, Outcome.DEVICE_NOT_FOUND)
_REMOVE = (
    Outcome.REMOVED,
    Outcome.NO_LICENSE,
    Outcome.USED_BY_UPGRADE,
    Outcome.UPGRADE_IN_PROGRESS,
    Outcome.UNDER_NOTICE,
    Outcome.DEVICE_NOT_FOUND,
)


def messages() -> str:
    """The status and reason of each outcome in each version."""
    rows = []
    for verb, outcomes, columns in (
        ("assign", _ASSIGN, (v1.ASSIGN_LABELS, v2.LABELS, v3.ASSIGN_LABELS)),
        ("remove", _REMOVE, (v1.REMOVE_LABELS, v2.LABELS, v3.REMOVE_LABELS)),
    ):
        for outcome in outcomes:
            found = [column[outcome] for column in columns]
            reasons = codes(dict.fromkeys(reason for _, reason in found))
            rows.append([verb, outcome.value, *(code(status) for status, _ in found), reasons])
    return table(["Request", "Outcome", "v1 status", "v2 status", "v3 status", "Reason, in all three"], rows)


SECTIONS: dict[str, Callable[[], str]] = {
    "levels": levels,
    "counts": counts,
    "coverage": coverage,
    "coverage-m2m": lambda: _table([(m2m, operation) for operation in in_order(m2m)]),
    "messages": messages,
}
