"""The stylesheet and the templates agree: each class has a rule and a use, each icon a use; and their size."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import fotapool.console

ROOT = Path(fotapool.console.__file__).parent
STATIC = ROOT / "static"
BUDGET_BYTES = 150 * 1024
PAGE_BYTES = 60 * 1024
"""What is left for the page itself."""
UNSTYLED = {"ordered", "scripted", "grip", "cross", "primary", "info"}
"""Classes that a script looks for, or that stand for the look without a class."""


def read(*endings: str) -> str:
    files = [file for file in ROOT.rglob("*") if file.suffix in endings and "vendor" not in file.parts]
    return "\n".join(file.read_text() for file in files if file.name != "console.css")


def styled_classes() -> set[str]:
    css = re.sub(r"/\*.*?\*/|url\([^)]*\)", "", (STATIC / "console.css").read_text(), flags=re.DOTALL)
    selectors = re.sub(r"\{[^{}]*\}", "{}", css)
    return set(re.findall(r"\.([a-z][\w-]*)", selectors))


def words() -> set[str]:
    """All words of templates, scripts and modules: a class may be put together there."""
    return set(re.findall(r"[\w-]+", read(".html", ".js", ".py")))


def used_classes() -> set[str]:
    """The classes that are written out in the templates."""
    found: set[str] = set()
    for value in re.findall(r'\bclass="([^"]*)"', read(".html")):
        found |= set(re.sub(r"\{\{.*?\}\}|\{%.*?%\}", " ", value).split())
    return {name for name in found if re.fullmatch(r"[a-z][\w-]*", name)}


def test_each_class_of_the_stylesheet_has_a_use() -> None:
    lines = {f"l-{color}" for color in re.findall(r'"--([a-z]+)"', read(".py"))}
    assert styled_classes() - words() - lines == set()


def test_each_class_of_a_template_has_a_rule() -> None:
    assert used_classes() - styled_classes() - UNSTYLED == set()


def test_each_icon_has_a_use_and_each_use_an_icon() -> None:
    icons = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    assert icons - words() == set()
    used = set(re.findall(r'icon\("([\w-]+)"', read(".html")))
    assert used - icons == set()


def test_what_a_page_loads_with_an_empty_cache_leaves_room_for_the_page() -> None:
    files = [STATIC / "console.css", STATIC / "console.js", STATIC / "icons.svg", STATIC / "vendor" / "htmx.min.js"]
    font = (STATIC / "vendor" / "inter.woff2").stat().st_size
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) + font <= BUDGET_BYTES - PAGE_BYTES
