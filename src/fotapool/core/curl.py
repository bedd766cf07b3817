"""Requests as curl commands for a POSIX shell."""

from __future__ import annotations

import shlex
from collections.abc import Iterable


def curl_command(
    url: str,
    method: str | None = None,
    options: str = "-i",
    user: str = "",
    headers: Iterable[str] = (),
    data: str | None = None,
    indent: str = "  ",
) -> str:
    """Returns the command, an option a line.

    `url` and `headers` are shell words: quote what must not be expanded. `data` is quoted here, and never read from a
    file. Without `method` curl chooses GET, or POST with data.
    """
    lines = [" ".join(["curl", options, *(["-X", shlex.quote(method)] if method else []), url])]
    if user:
        lines.append(f"-u {shlex.quote(user)}")
    lines += [f"-H {header}" for header in headers]
    if data is not None:
        lines.append(f"--data-raw {shlex.quote(data)}")
    return f" \\\n{indent}".join(lines)
