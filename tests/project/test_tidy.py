"""The project's own rules: imports, formatting, types, sizes, and one sentence at the top of each module."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70


def run(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command", [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)], ids=" ".join
)
def test_the_checker_finds_nothing(command: tuple[str, ...]) -> None:
    run(*command)


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_stays_small(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "the module does not say what it is for"
    assert text.count("\n") <= MAX_FILE_LINES
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < MAX_FUNCTION_LINES, f"{node.name} is too long"


def test_the_domain_takes_only_the_standard_library() -> None:
    for path in (ROOT / "src/fotapool/domain").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for name in names:
                top = name.split(".")[0]
                assert name.startswith("fotapool.domain") or top in sys.stdlib_module_names, f"{path.name}: {name}"


MUTUAL = ("api.v1", "api.v2", "api.v3", "console", "domain", "services", "store")
"""Packages whose parts may import each other: the features of a layer are one aggregate."""
ALLOWED = {("core", "services")}
"""core/content_storage.py raises an exception of the services, whose interface it implements."""
PACKAGES = sorted(path.parent for path in SOURCES if path.name == "__init__.py")


def child(package: Path, module: str) -> str | None:
    """The module or sub-package directly in the package that this module is, or is in."""
    start = ".".join(package.relative_to(ROOT / "src").parts) + "."
    return module[len(start) :].partition(".")[0] if module.startswith(start) else None


def imported_modules(path: Path) -> set[str]:
    """All imports of a file, also those in functions; not those for type checkers only."""
    found: set[str] = set()
    nodes: list[ast.AST] = [ast.parse(path.read_text())]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            nodes += ast.iter_child_nodes(node)
    return found


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_the_parts_of_a_package_do_not_import_each_other_in_a_circle(package: Path) -> None:
    if ".".join(package.relative_to(ROOT / "src/fotapool").parts) in MUTUAL:
        pytest.skip("the features of a layer may import each other")
    graph: dict[str, set[str]] = {}
    for path in package.rglob("*.py"):
        part = path.relative_to(package).with_suffix("").parts[0]
        targets = {child(package, module) for module in imported_modules(path)} - {None, part}
        graph.setdefault(part, set()).update(
            target for target in targets if target is not None and (part, target) not in ALLOWED
        )
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' -> '.join(error.args[1])}")
