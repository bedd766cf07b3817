"""`python -m bench.endurance`: races, kills and soaks servers; see docs/explanation/benchmarks.md."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench.scenarios.racing import measure_killing, measure_racing
from bench.scenarios.soak import measure_soak
from bench.support.databases import SqliteStore, Store, postgres_store
from bench.support.processes import Failed
from bench.support.report import Report

DATABASES = ("sqlite", "postgresql")
OPERATIONS, KILLS, SOAK_MINUTES, SOAK_RATE = 200_000, 100, 30, 100
MAX_SOAK_MINUTES = 55
"""The user's bearer token ends after an hour."""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.endurance", description=__doc__)
    parser.add_argument(
        "--operations", type=int, default=OPERATIONS, metavar="N", help=f"racing requests; 0: none ({OPERATIONS})"
    )
    parser.add_argument("--kills", type=int, default=KILLS, metavar="N", help=f"servers killed; 0: none ({KILLS})")
    parser.add_argument(
        "--soak-minutes", type=int, default=SOAK_MINUTES, metavar="N", help=f"length; 0: none ({SOAK_MINUTES})"
    )
    parser.add_argument(
        "--soak-rate",
        type=int,
        default=SOAK_RATE,
        metavar="N",
        help=f"requests a second at most; 0: no limit ({SOAK_RATE})",
    )
    parser.add_argument(
        "--database", choices=DATABASES, action="append", help="only this database; may be repeated (both)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file as well")
    options = parser.parse_args()
    numbers = options.operations, options.kills, options.soak_minutes, options.soak_rate
    if min(numbers) < 0 or options.soak_minutes > MAX_SOAK_MINUTES:
        parser.error(f"the numbers must be at least 0, and --soak-minutes at most {MAX_SOAK_MINUTES}")
    return options


def main() -> None:
    options = _options()
    report, began = Report(), time.monotonic()
    try:
        _measure(report, options)
    except Failed as error:
        raise SystemExit(f"bench: {error}") from error
    report.print_targets()
    print(f"\n{time.monotonic() - began:.0f} s")
    if options.json:
        options.json.write_text(json.dumps([asdict(figure) for figure in report.figures], indent=1))
    if any(figure.verdict.startswith("NOT") for figure in report.figures):
        raise SystemExit(1)


def _measure(report: Report, options: argparse.Namespace) -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each start would compile the modules anew
    chosen = options.database or DATABASES
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fotapool-bench-")))
        stores: list[Store] = [SqliteStore(directory)] if "sqlite" in chosen else []
        if "postgresql" in chosen:
            stores.append(stack.enter_context(postgres_store(directory)))
        for store in stores:
            if options.operations:
                measure_racing(report, store, options.operations)
            if options.kills:
                measure_killing(report, store, options.kills)
            if options.soak_minutes:
                measure_soak(report, store, options.soak_minutes, options.soak_rate)


if __name__ == "__main__":
    main()
