"""The project's own rules: imports, formatting, types, sizes, arguments, words, and a docstring for each module."""

from __future__ import annotations

import ast
import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PYTHON = [path for top in ("src", "tests", "bench", "docs", "examples") for path in sorted((ROOT / top).rglob("*.py"))]
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70
MAX_ENTRIES = 15
MAX_POSITIONAL = 4
A_LOG = ("docs/decisions",)
"""Folders that grow by one entry with each decision; their README lists the entries."""
NOT_ENTRIES = ("__init__.py", "__pycache__", "py.typed")
ANY_NUMBER = (
    *(
        "attrgetter",
        "chain",
        "debug",
        "error",
        "exception",
        "gather",
        "info",
        "join",
        "max",
        "min",
        "print",
        "warning",
        "zip",
    ),
    *("_write_lines", "long", "partial", "run_in_executor", "short", "typed"),
)
"""Functions that take any number of values of one kind, or a function and whatever it takes."""

MODULES = re.compile(r"first|choose|keeping|preparing|replaying|reaching|sheets|\w*_words|turns|moves|stand_ins|around")
DEFINITIONS = re.compile(
    r"Move|Answer|Below|Changes|Gate|Kept|Progress|Refusal|Refused|Subject|Turn|Walk|Asked|TooMuch|Moment|Keeper"
    r"|First\w+|Firing|FleetOutlook|DialectApp|FrontDoor|StepDone|SignInStale|Declined|NotReached|WrongInput"
    r"|Happened|Happening|_Door|around|decoded|remark|words|told|tells?|put_back|_act|_piece|_go_on|_judge"
    r"|print_one|ask_all|spend_little|claim_turn|record_turn|check_arrived|was_stopped|forget(?:_\w+)?|hold_job"
    r"|read_latest_moment|happenings|tried"
)
IDENTIFIERS = re.compile(
    r"\w*_words|\w*WORDS|(?:of_)?plane|of_api|\w*dialects?\w*|\w*DIALECTS?|outlooks?|stand_ins?|octets?|is_cut"
    r"|kept_bytes|fires|_LOOKS|(?:\w+_)?refusals?|refusal_\w+|REFUSALS?|_?gate|without_any_uses|_?endings|PATIENT|ONCE"
    r"|pass_imei|join_imei|proven_\w+|never_one_too_many|KEPT_MS|KEEP_(?!ALIVE)\w+|(?:\w+_)?moments?|turns?|TURN_\w+"
    r"|subjects?|_?engine"
)
PROSE = re.compile(
    r"\boperator plane\b|\bdialects?\b|\buse cases?\b|\bnouns?\b|\bat the mercy\b|\bwhoever\b|\bengines?\b|\bmoments?\b"
    r"|\b(?:a|the|its|their|whose) turns?\b|\bstand-ins?\b|\boctets?\b(?!-stream)|\bput into words\b|\badminister\b"
    r"|\bmay look\b|\btold\b|\btells?\b|\bhappenings?\b|\bthe edges?\b|\bfirings\b|\bgo(?:es|ne)? on with\b"
    r"|\bholds? up\b|\bholds? nobody\b|\brealms?\b",
    re.IGNORECASE,
)
"""Private words that no module, no class or function, no other name in the code, and no text has; as whole names."""
WIRE_NAMES = re.compile(
    r"[\"'`][\w.\[\]]*\b(?:firings|realm|octets|engine)[\"'`]|\brealm=(?:\\?\"|0)|\bfirings?[:=]|\brealm(?:: | = )"
    r"|\.(?:realm|firings)\b|/realms/\w+|\*User Realm Role\*"
)
"""Names of the API and of documents, the parameter of WWW-Authenticate, and words of Keycloak, which stay."""
TEMPLATES = ("access_once", "fault", "campaign_course", "license_check", "callbacks_secret")


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(_text(path))


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
    text, tree = _text(path), _tree(path)
    assert ast.get_docstring(tree), "the module does not say what it is for"
    assert text.count("\n") <= MAX_FILE_LINES
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < MAX_FUNCTION_LINES, f"{node.name} is too long"


def test_the_domain_takes_only_the_standard_library() -> None:
    for path in (ROOT / "src/fotapool/domain").rglob("*.py"):
        for node in ast.walk(_tree(path)):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for name in names:
                top = name.split(".")[0]
                own = name.startswith("fotapool.domain") or name == "fotapool.core.timestamps"
                assert own or top in sys.stdlib_module_names, f"{path.name}: {name}"


def test_the_formatter_decides_every_layout() -> None:
    mark = re.compile(r"#\s*fmt:\s*(?:skip|off)")
    assert [str(path.relative_to(ROOT)) for path in PYTHON if mark.search(_text(path))] == []


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def test_a_call_with_more_than_four_values_uses_keywords() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {_name(node)}"
        for path in SOURCES
        if "migrations" not in path.parts
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and _name(node) not in ANY_NUMBER
        if sum(not isinstance(argument, ast.Starred) for argument in node.args) > MAX_POSITIONAL
    ]
    assert found == []


def test_a_folder_has_at_most_fifteen_entries() -> None:
    folders = [path for top in ("src", "tests", "docs", "bench") for path in (ROOT / top).rglob("*") if path.is_dir()]
    entries = {
        str(folder.relative_to(ROOT)): sum(entry.name not in NOT_ENTRIES for entry in folder.iterdir())
        for folder in (*folders, ROOT / "docs")
        if not any(part == "__pycache__" or part.endswith(".egg-info") for part in folder.parts)
    }
    assert {name: count for name, count in entries.items() if count > MAX_ENTRIES and name not in A_LOG} == {}


def _names(path: Path) -> Iterator[tuple[int, str]]:
    """The names in the code, with their lines; without texts and comments."""
    if "migrations" in path.parts or not re.search(rf"\b(?:{IDENTIFIERS.pattern})\b", _text(path)):
        return
    for node in ast.walk(_tree(path)):
        for field in ("id", "attr", "arg", "name", "asname"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                yield getattr(node, "lineno", 0), name.rpartition(".")[2]


def test_no_name_in_the_code_is_a_private_word() -> None:
    found = []
    for path in SOURCES:
        where = path.relative_to(ROOT)
        found += [f"{where}:{number} {name}" for number, name in _names(path) if IDENTIFIERS.fullmatch(name)]
        if MODULES.fullmatch(path.stem):
            found.append(str(where))
        for number, line in enumerate(_text(path).splitlines(), 1):
            defined = re.match(r"\s*(?:class|(?:async )?def) (\w+)", line)
            if defined and DEFINITIONS.fullmatch(defined[1]):
                found.append(f"{where}:{number} {defined[1]}")
    assert found == []


def test_no_text_uses_a_private_word() -> None:
    templates = (ROOT / "src").rglob("*.html")
    pages = ((ROOT / "docs").rglob(pattern) for pattern in ("*.md", "*.py"))
    found = []
    for path in (*SOURCES, *templates, *itertools.chain(*pages)):
        if "migrations" not in path.parts:
            text = WIRE_NAMES.sub("", _text(path))
            for match in PROSE.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{path.relative_to(ROOT)}:{line} {match[0]}")
    assert found == []


def test_no_template_has_a_private_name() -> None:
    templates = (ROOT / "src/fotapool/console/templates").rglob("*.html")
    assert [str(path.relative_to(ROOT)) for path in templates if path.stem in TEMPLATES] == []


MUTUAL = ("api.v1", "api.v2", "api.v3", "console", "domain", "services", "store")
"""Packages whose parts may import each other: the features of a layer are one aggregate."""
ALLOWED = {("core", "domain"), ("core", "services")}
"""core/content_storage.py implements an interface of the services, and raises exceptions of both."""
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
