"""docs/reference/monitoring/metrics.md: from the definitions of the metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from fotapool.core.telemetry import definitions
from fotapool.core.telemetry.definitions import Definition
from fotapool.domain.errors import ErrorCode
from fotapool.store.db import connection
from fotapool.web.observed import REASONS
from generated.tables import code, codes, table

ALERTS = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yaml"
ERRORS = (
    connection.StoreUnavailable,
    connection.OutcomeUnknown,
    connection.ConnectionLost,
    connection.Collided,
    connection.ConstraintViolated,
)


def _table(metrics: Sequence[Definition]) -> str:
    rows = [[code(one.name), one.kind, codes(one.labels, ", "), one.help] for one in metrics]
    return table(["Metric", "Type", "Labels", "What it shows"], rows)


def counted() -> str:
    return _table(definitions.COUNTED)


def read() -> str:
    return _table((definitions.BUILD_INFO, *definitions.READ))


def labels() -> str:
    kinds = [connection.TOO_LATE, *(error.kind for error in ERRORS)]
    rows = [
        ["`plane`", codes(definitions.PLANES, ", ")],
        [
            "`operation`",
            "the operation or page, as `assign_licenses`; `unknown` for paths that do not exist",
        ],
        ["`method`", "the method of the request; `other` for those that no operation takes, such as TRACE"],
        ["`status`", "the status of the answer; `none` if the connection ended without one"],
        ["`reason`", codes([*(one.name.lower() for one in ErrorCode), *sorted(set(REASONS.values()))], ", ")],
        ["`limit`", codes(definitions.LIMITS, ", ")],
        ["`outcome`", codes(definitions.OUTCOMES, ", ")],
        ["`kind` of database errors", codes(kinds, ", ")],
        ["`kind` of an account's licenses", codes(("total", "used", "free", "under_notice"), ", ")],
        ["`account`", "the name of the account"],
    ]
    return table(["Label", "Values"], rows)


def buckets() -> str:
    rows = [[code(one.name), ", ".join(map(str, one.buckets))] for one in definitions.DEFINITIONS if one.buckets]
    return table(["Histogram", "Upper bounds of the buckets"], rows)


def alerts() -> str:
    """The rules of deploy/prometheus/alerts.yaml."""
    rules = [rule for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]
    rows = [
        [code(rule["alert"]), rule["labels"]["severity"], rule["for"], rule["annotations"]["summary"]] for rule in rules
    ]
    return table(["Alert", "Severity", "After", "Means"], rows)


SECTIONS: dict[str, Callable[[], str]] = {
    "metrics-counted": counted,
    "metrics-read": read,
    "metrics-labels": labels,
    "metrics-buckets": buckets,
    "alerts": alerts,
}
