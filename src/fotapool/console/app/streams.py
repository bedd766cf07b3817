"""CSV files that are too long to be made at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from starlette.responses import StreamingResponse

from fotapool.core.csv_export import csv_lines

Rows = Sequence[Sequence[object]]


def csv_stream(name: str, header: Sequence[str], batches: AsyncIterator[Rows]) -> StreamingResponse:
    """A CSV file to download, sent as its rows are read."""

    async def lines() -> AsyncIterator[bytes]:
        yield csv_lines([header])
        async for rows in batches:
            if rows:
                yield csv_lines(rows)

    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines(), headers=headers, media_type="text/csv; charset=utf-8")
