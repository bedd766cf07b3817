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

    `url` and `headers` are shell words: quote what must not be expanded, with `shell_word`. `data` is quoted here, and
    never read from a file; with control characters it comes from printf. Without `method` curl chooses GET, or POST
    with data.
    """
    piped = data is not None and not _is_plain(data)
    printf = f"printf {_escaped(data or '')} | " if piped else ""
    lines = [" ".join([f"{printf}curl", options, *(["-X", shlex.quote(method)] if method else []), url])]
    if user:
        lines.append(f"-u {shlex.quote(user)}")
    lines += [f"-H {header}" for header in headers]
    if data is not None:
        lines.append("--data-binary @-" if piped else f"--data-raw {shlex.quote(data)}")
    return f" \\\n{indent}".join(lines)


def shell_word(text: str) -> str:
    """The text as one word for a POSIX shell. Control characters, which a terminal could act on, come from printf."""
    return shlex.quote(text) if _is_plain(text) else f'"$(printf {_escaped(text)})"'


def _is_plain(text: str) -> bool:
    return all(character.isprintable() or character in "\n\t" for character in text)


def _escaped(text: str) -> str:
    """The text as a quoted format of printf: characters that are not printable are in octal."""
    plain = text.replace("\\", r"\\").replace("%", "%%")
    return shlex.quote("".join(one if _is_plain(one) else _octal(one) for one in plain))


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "replace"))
