"""Charts over time: drawn by console.js, listed as a table, and downloaded as CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup
from starlette.responses import Response

from fotapool.console.app.downloads import csv_file
from fotapool.core.timestamps import format_timestamp


@dataclass(frozen=True, slots=True)
class ChartRow:
    """A time (ms since 1970), the value of each series at that time, and the label of a marker, if there is one."""

    at_ms: int
    values: Sequence[int | None]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """`color` is a variable of console.css; a stepped series holds its value until the next row."""

    name: str
    color: str
    stepped: bool = True


@dataclass(frozen=True)
class Chart:
    """A chart of one or more series; `name` is its id on the page."""

    name: str
    title: str
    series: Sequence[Series]
    rows: Sequence[ChartRow]
    csv_path: str

    @cached_property
    def marks(self) -> list[ChartRow]:
        return [row for row in self.rows if row.mark]

    @cached_property
    def json(self) -> Markup:
        """The data that console.js draws; safe between script tags."""
        content = {
            "times": [row.at_ms / 1000 for row in self.rows],
            "values": [[row.values[place] for row in self.rows] for place in range(len(self.series))],
            "series": [{"name": one.name, "color": one.color, "stepped": one.stepped} for one in self.series],
            "marks": [{"at": row.at_ms / 1000, "label": row.mark} for row in self.marks],
        }
        return Markup(json.dumps(content, separators=(",", ":")).replace("<", "\\u003c"))  # noqa: S704

    def csv(self) -> Response:
        """All rows as a CSV file."""
        rows = [[format_timestamp(row.at_ms), *row.values, *([row.mark] if self.marks else [])] for row in self.rows]
        header = ["time", *(one.name for one in self.series), *(["event"] if self.marks else [])]
        return csv_file(f"{self.name}.csv", header, rows)
