"""docs/how-to/device-files.md: the names of columns, and the limits of files."""

from __future__ import annotations

from fotapool.cli.client.devices import device_lists as commands
from fotapool.console.licenses import licenses
from fotapool.core.settings import Settings
from fotapool.domain.devices import columns, device_lists, failed_lines, tables
from fotapool.domain.licenses import bulk_jobs
from generated.tables import code, codes, table


def names() -> str:
    """The names of each column."""
    return table(
        ["Column", "Names"], [[code(member), codes(names, ", ")] for member, names in columns.COLUMN_NAMES.items()]
    )


def limits() -> str:
    """The limits of files, by who reads them."""
    settings = Settings()
    return table(
        ["Value", "Of what"],
        [
            [f"{settings.max_import_line_bytes:,}", "bytes of a line of an import"],
            [f"{device_lists.MAX_LIST_LINE_BYTES:,}", "bytes of a line of a list"],
            [f"{tables.MAX_CELLS:,}", "cells of a row"],
            [f"{tables.MAX_CELL_CHARS:,}", "characters of a cell"],
            [f"{tables.MAX_ROW_LINES:,}", "lines of a row whose cells have line breaks"],
            [f"{bulk_jobs.MAX_BULK_DEVICES:,}", "devices of a list in the console"],
            [f"{licenses.MAX_LIST_BYTES:,}", "bytes of a list in the console"],
            [f"{commands.MAX_DEVICES:,}", "devices of a list for a command"],
            [f"{commands.MAX_BYTES:,}", "bytes of a list for a command"],
            [f"{failed_lines.MAX_FAILED_LINES:,}", "failed lines in the file of them; further ones are counted"],
            [f"{failed_lines.MAX_FAILED_CHARS:,}", "characters in the file of failed lines"],
        ],
    )


SECTIONS = {"device-columns": names, "device-file-limits": limits}
