"""Charts over time: what the page draws, the same as a table, and as CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from markupsafe import Markup
from starlette.responses import Response

from fotapool.core.csv_export import csv_lines
from fotapool.core.timestamps import time_text


@dataclass(frozen=True, slots=True)
class ChartRow:
    """A moment (ms since 1970), the value of each series then, and what happened, if a mark stands there."""

    at_ms: int
    values: Sequence[int | None]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """`color` is a variable of console.css; a stepped series keeps its value until the next row."""

    name: str
    color: str
    stepped: bool = True


@dataclass(frozen=True)
class Chart:
    """`name` is the chart's id on its page."""

    name: str
    title: str
    series: Sequence[Series]
    rows: Sequence[ChartRow]
    csv_path: str
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", [one.name for one in self.series])

    @cached_property
    def marks(self) -> list[ChartRow]:
        return [row for row in self.rows if row.mark]

    @cached_property
    def json(self) -> Markup:
        """What console.js draws; safe between script tags."""
        content = {
            "times": [row.at_ms / 1000 for row in self.rows],
            "values": [[row.values[place] for row in self.rows] for place in range(len(self.series))],
            "series": [{"name": one.name, "color": one.color, "stepped": one.stepped} for one in self.series],
            "marks": [{"at": row.at_ms / 1000, "words": row.mark} for row in self.marks],
        }
        return Markup(json.dumps(content, separators=(",", ":")).replace("<", "\\u003c"))  # noqa: S704

    def csv(self) -> Response:
        """All rows as a file."""
        rows = [[time_text(row.at_ms), *row.values, *([row.mark] if self.marks else [])] for row in self.rows]
        return csv_answer(f"{self.name}.csv", ["time", *self.names, *(["what"] if self.marks else [])], rows)


def csv_answer(name: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Response:
    """A CSV file to download."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(csv_lines([header, *rows]), headers=headers, media_type="text/csv; charset=utf-8")
