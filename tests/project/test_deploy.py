"""The alerts and the dashboard use metrics, labels and values of labels that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fotapool.core.telemetry.definitions import DEFINITIONS, OUTCOMES, PLANES, Definition

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "fotapool.json"
HOW_TO = ROOT / "docs" / "how-to" / "monitoring.md"
METRIC = re.compile(r"\b(fotapool_\w+)(\{[^}]*\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\bby \(([\w, ]+)\)")
SCRAPE_LABELS = {"job", "instance", "le"}
"""Labels that Prometheus adds, and that of buckets."""
VALUES = {"plane": set(PLANES), "outcome": set(OUTCOMES)}


def _expressions_of_alerts() -> list[str]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def _targets(panels: list[Any]) -> Iterator[str]:
    for panel in panels:
        yield from (target["expr"] for target in panel.get("targets", ()))
        yield from _targets(panel.get("panels", []))


def _expressions_of_dashboard() -> list[str]:
    dashboard = json.loads(DASHBOARD.read_text())
    queries = [one["query"]["query"] for one in dashboard["templating"]["list"] if isinstance(one["query"], dict)]
    return [*_targets(dashboard["panels"]), *queries]


def _expressions_of_how_to() -> list[str]:
    return re.findall(r"```promql\n(.*?)```", HOW_TO.read_text(), re.DOTALL)


EXPRESSIONS = {
    "alerts": _expressions_of_alerts(),
    "dashboard": _expressions_of_dashboard(),
    "how-to": _expressions_of_how_to(),
}
SERIES: dict[str, Definition] = {
    name: one
    for one in DEFINITIONS
    for name in ([f"{one.name}_{part}" for part in ("bucket", "sum", "count")] if one.buckets else [one.name])
}


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_metrics_and_labels_exist(place: str) -> None:
    assert len(EXPRESSIONS[place]) >= 2
    for expression in EXPRESSIONS[place]:
        used = METRIC.findall(expression)
        assert used or "up{" in expression, expression
        labels = {label for name, _ in used for label in SERIES[name].labels} | SCRAPE_LABELS
        for name, matchers in used:
            for label, value in MATCHER.findall(matchers):
                assert label in {*SERIES[name].labels, *SCRAPE_LABELS}, expression
                if label in VALUES and "$" not in value:
                    assert set(value.split("|")) <= VALUES[label], expression
        for grouping in GROUPING.findall(expression):
            assert {one.strip() for one in grouping.split(",")} <= labels, expression


def test_the_dashboard_shows_every_metric() -> None:
    shown = {SERIES[name].name for text in EXPRESSIONS["dashboard"] for name, _ in METRIC.findall(text)}
    assert shown == {one.name for one in DEFINITIONS}


def test_panels_have_titles_and_ids_of_their_own_and_do_not_overlap() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert all(panel["title"] and max(x for x, _ in cells) < 24 for panel in panels)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_accepts_the_alerts_and_the_expressions_of_the_dashboard(tmp_path: Path) -> None:
    queries = [text for text in EXPRESSIONS["dashboard"] if "label_values" not in text]
    rules = [
        {"record": f"fotapool:panel_{number}", "expr": text.replace("$__rate_interval", "5m")}
        for number, text in enumerate(queries)
    ]
    panels = tmp_path / "panels.yaml"
    panels.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    checked = subprocess.run(["promtool", "check", "rules", str(ALERTS), str(panels)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
