"""The page on security names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/security.md").read_text()
NAMED = re.compile(r"`(?:(?P<file>[\w/]+\.py)|…)(?:::(?P<test>test_\w+))?`")


def test_each_row_of_the_table_names_a_test_that_exists() -> None:
    file = ""
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and line.count("|") == 5][2:]
    assert len(rows) >= 20
    for row in rows:
        cell = row.split("|")[4]
        named = list(NAMED.finditer(cell))
        assert named, row
        for one in named:
            file = one["file"] or file
            text = (ROOT / "tests" / file).read_text()
            assert one["test"] is None or f"def {one['test']}(" in text, one[0]
