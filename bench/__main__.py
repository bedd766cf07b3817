"""`python -m bench`: measures fotapool on this machine and prints ratios; see docs/explanation/benchmarks.md."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench.scenarios.alternatives import measure_alternatives
from bench.scenarios.assign import Scale, measure_large, measure_small
from bench.scenarios.audit_log import measure_audit_log
from bench.scenarios.callbacks import measure_callbacks
from bench.scenarios.campaigns import measure_campaign_load, measure_campaigns
from bench.scenarios.command_line import measure_commands
from bench.scenarios.console import measure_console
from bench.scenarios.crowd import measure_crowd
from bench.scenarios.monitoring import measure_monitoring
from bench.scenarios.pages import measure_pages
from bench.scenarios.test_suite import measure_test_suite
from bench.support.databases import SqliteStore, Store, postgres_store
from bench.support.processes import Failed
from bench.support.report import Report

MEASURES = {
    "a": measure_small,
    "b": measure_large,
    "c": measure_pages,
    "f": measure_campaigns,
    "g": measure_campaign_load,
    "h": measure_callbacks,
    "j": measure_commands,
    "k": measure_console,
    "l": measure_crowd,
    "m": measure_monitoring,
    "n": measure_audit_log,
}
EVERYTHING = "a,b,c,d,e,f,g,h,i,j,k,l,m,n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small pools and few rounds: a minute or two, noisier")
    parser.add_argument(
        "--only",
        default=EVERYTHING,
        metavar=EVERYTHING,
        help="which figures: a assign 1 device, b assign 1,000, c status pages, d all but e on PostgreSQL, "
        "e Prism and moto beside it, f campaigns, g licenses beside a campaign, h callbacks, "
        "i what a test suite pays, j the command line, k the console's pages, l a client beside attackers, "
        "m metrics and traces, n the audit log",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each lane is measured (7; quick: 3)")
    parser.add_argument(
        "--database",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="the database of all but d, e and i (sqlite)",
    )
    parser.add_argument("--tree", type=Path, metavar="DIR", help="another source tree for the suite of figure i")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file as well")
    return parser.parse_args()


def _chosen(only: str) -> list[str]:
    chosen = [word.strip() for word in only.split(",") if word.strip()]
    unknown = sorted(set(chosen) - {*MEASURES, "d", "e", "i"})
    if unknown or not chosen:
        raise SystemExit(f"bench: --only takes letters of {EVERYTHING}, not {only!r}")
    return chosen


def _plan(chosen: list[str], database: str) -> list[tuple[str, str]]:
    """What to measure: (figure, database), each once."""
    plan = [(letter, database) for letter in chosen if letter in MEASURES]
    if "d" in chosen:
        plan += [(letter, "postgresql") for letter in MEASURES]
    return list(dict.fromkeys(plan))


def main() -> None:
    options = _options()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each start would compile the modules anew
    scale = Scale(options.rounds or (3 if options.quick else 7), options.quick)
    report, began = Report(), time.monotonic()
    try:
        _measure(report, scale, _chosen(options.only), options.database, options.tree)
    except Failed as error:
        raise SystemExit(f"bench: {error}") from error
    report.print_targets()
    print(f"\n{time.monotonic() - began:.0f} s, {scale.rounds} rounds")
    if options.json:
        options.json.write_text(json.dumps([asdict(figure) for figure in report.figures], indent=1))


def _measure(report: Report, scale: Scale, chosen: list[str], database: str, tree: Path | None) -> None:
    plan = _plan(chosen, database)
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fotapool-bench-")))
        stores: dict[str, Store] = {"sqlite": SqliteStore(directory)}
        if any(kind == "postgresql" for _, kind in plan):
            stores["postgresql"] = stack.enter_context(postgres_store(directory))
        for letter, kind in plan:
            MEASURES[letter](report, stores[kind], scale)
        if "e" in chosen:
            measure_alternatives(report, stores["sqlite"], scale, directory)
        if "i" in chosen:
            measure_test_suite(report, scale, directory, tree)


if __name__ == "__main__":
    main()
