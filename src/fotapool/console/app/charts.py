"""Charts over time: drawn as SVG, listed as a table, and downloaded as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
from markupsafe import Markup
from msgspec.structs import replace
from starlette.responses import Response

from fotapool.console.app.downloads import csv_file
from fotapool.console.app.plots import Plot
from fotapool.core.timestamps import format_timestamp


class ChartRow(msgspec.Struct, frozen=True):
    """A time (ms since 1970), the value of each series at that time, and the label of a marker, if there is one."""

    at_ms: int
    values: Sequence[int | None]
    mark: str = ""


class Series(msgspec.Struct, frozen=True):
    """`color` is a color of console.css, as in --used; a stepped series holds its value until the next row."""

    name: str
    color: str
    stepped: bool = True

    @property
    def heading(self) -> str:
        """The heading of the column of its table, marked as one of numbers."""
        return "#" + self.name[:1].upper() + self.name[1:]

    @property
    def line(self) -> str:
        """The class of the line in console.css."""
        return "l-" + self.color.strip("-")


@dataclass(frozen=True)
class Chart:
    """A chart of one or more series; `name` is its id on the page."""

    name: str
    title: str
    series: Sequence[Series]
    rows: Sequence[ChartRow]
    csv_path: str
    band: tuple[int, int] | None = None
    """Two series: the area between them is filled where the second is higher."""
    until_ms: int | None = None
    """The end of the time for which the last row holds; None: the drawing ends with the row."""

    @cached_property
    def marks(self) -> list[ChartRow]:
        return [row for row in self.rows if row.mark]

    @cached_property
    def plot(self) -> Plot:
        """What the template draws."""
        end = [] if self.until_ms is None else [replace(row, at_ms=self.until_ms, mark="") for row in self.rows[-1:]]
        return Plot([*self.rows, *end], [one.stepped for one in self.series], self.band)

    @property
    def json(self) -> Markup:
        """The values that console.js shows at the pointer; safe between script tags."""
        return self.plot.json([one.name for one in self.series])

    def csv(self) -> Response:
        """All rows as a CSV file."""
        rows = [[format_timestamp(row.at_ms), *row.values, *([row.mark] if self.marks else [])] for row in self.rows]
        header = ["time", *(one.name for one in self.series), *(["event"] if self.marks else [])]
        return csv_file(f"{self.name}.csv", header, rows)
