"""Files to download: CSV that is complete in memory, and CSV that is sent while it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from starlette.responses import Response, StreamingResponse

from fotapool.core.csv_export import csv_lines
from fotapool.core.timestamps import format_timestamp

Rows = Sequence[Sequence[object]]
Row = TypeVar("Row")
CSV = "text/csv; charset=utf-8"


def attachment(name: str) -> dict[str, str]:
    """The header that makes browsers save the response under this name."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def csv_file(name: str, header: Sequence[str], rows: Rows) -> Response:
    """A CSV file whose rows are in memory."""
    return Response(csv_lines([header, *rows]), headers=attachment(name), media_type=CSV)


def csv_stream(name: str, header: Sequence[str], batches: AsyncIterator[Rows]) -> StreamingResponse:
    """A CSV file that is sent batch by batch while its rows are read."""

    async def lines() -> AsyncIterator[bytes]:
        yield csv_lines([header])
        async for rows in batches:
            if rows:
                yield csv_lines(rows)

    return StreamingResponse(lines(), headers=attachment(name), media_type=CSV)


def in_batches(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """Splits rows into lists of at most `size`."""
    remaining = iter(rows)
    while batch := list(islice(remaining, size)):
        yield batch


def optional_time(timestamp_ms: int | None) -> str:
    """RFC 3339, or an empty cell for None."""
    return "" if timestamp_ms is None else format_timestamp(timestamp_ms)
