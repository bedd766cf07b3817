"""Writes the generated parts of the pages from the program's tables: `python docs/generate.py [--check]`.

A generated part is between `<!-- generated: NAME -->` and `<!-- end -->`. Everything else is written by hand.
Links in generated parts name a page without its folder, as `errors.md#sign-in`, or begin with `../`, as from docs/.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

from generated import (  # noqa: E402
    assistant_tools,
    audit_log,
    compatibility,
    device_files,
    errors,
    log_events,
    metrics,
    operations,
    settings,
)

SECTIONS: dict[str, Callable[[], str]] = {
    **operations.SECTIONS,
    **compatibility.SECTIONS,
    **errors.SECTIONS,
    **settings.SECTIONS,
    **assistant_tools.SECTIONS,
    **log_events.SECTIONS,
    **audit_log.SECTIONS,
    **device_files.SECTIONS,
    **metrics.SECTIONS,
}
REGENERATE = ".venv/bin/python docs/generate.py"
_LINK = re.compile(r"(\]\()((?:\.\./|[\w-]+\.md)[^)#]*)")
_PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """The pages with generated parts."""
    return sorted(page for page in DOCS.rglob("*.md") if _PART.search(page.read_text(encoding="utf-8")))


def filled(page: Path) -> str:
    """Returns the text of a page with its generated parts up to date."""

    def link(found: re.Match[str]) -> str:
        target = DOCS / found[2] if "/" in found[2] else next(DOCS.rglob(found[2]))
        return f"{found[1]}{Path(os.path.relpath(target, page.parent)).as_posix()}"

    def part(found: re.Match[str]) -> str:
        return f"{found[1]}\n{_LINK.sub(link, SECTIONS[found[2]]()).strip()}\n\n{found[3]}"

    return _PART.sub(part, page.read_text(encoding="utf-8"))


def used_sections() -> list[str]:
    """The names of the generated parts of all pages."""
    return [part[2] for page in pages() for part in _PART.finditer(page.read_text(encoding="utf-8"))]


def main(arguments: list[str]) -> int:
    """Writes stale pages. With --check, prints the differences instead and returns 1 if there are any."""
    stale = 0
    for page in pages():
        text = page.read_text(encoding="utf-8")
        wanted = filled(page)
        if wanted == text:
            continue
        stale += 1
        if "--check" in arguments:
            sys.stdout.writelines(
                difflib.unified_diff(text.splitlines(True), wanted.splitlines(True), str(page), "now")
            )
        else:
            page.write_text(wanted, encoding="utf-8")
            sys.stdout.write(f"wrote {page.relative_to(DOCS.parent)}\n")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
