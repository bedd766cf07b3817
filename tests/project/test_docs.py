"""The pages are right: generated parts are current, everything is documented, links work, examples run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fotapool.api.openapi.versions import VERSIONS
from fotapool.app import build_openapi_document
from fotapool.core.settings import Settings
from fotapool.domain.errors import ErrorCode
from fotapool.domain.licenses.licenses import Outcome
from fotapool.services.snapshots.seed_documents import read_devices, read_seed_document
from fotapool.services.snapshots.seeds import check_document
from support.helpers import NOW_MS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

import generate  # noqa: E402
from generated import compatibility, errors, operations, settings  # noqa: E402

PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("clients/*/README.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
OTHER_PROGRAMS = set(
    re.findall(
        "--[a-z-]+",
        "--add-host --cacert --clean --data-raw --dbname --delete --exit-on-error --generate-hashes --help --if-exists"
        " --no-emit-index-url --no-owner --only --strip-extras"
        " --fotapool-address --fotapool-ca-file --fotapool-operator-key",
    )
)
"""Options of other programs that the pages name."""
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def page(name: str) -> str:
    """The text of a page; its name is unique below docs/."""
    (path,) = DOCS.rglob(name)
    return path.read_text(encoding="utf-8")


def block(text: str, language: str, holding: str) -> str:
    """Returns the only code block in this language that contains the text."""
    found = [
        code for code in re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE) if holding in code
    ]
    assert len(found) == 1, f"{len(found)} blocks of {language} hold {holding!r}"
    return str(found[0])


@pytest.mark.parametrize("path", generate.pages(), ids=lambda path: path.name)
def test_the_generated_parts_of_a_page_are_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generate.filled(path), (
        f"{path.name} is out of date: run {generate.REGENERATE}"
    )


def test_every_generated_part_stands_on_one_page() -> None:
    assert sorted(generate.used_sections()) == sorted(generate.SECTIONS)


def test_every_operation_is_documented_on_every_path() -> None:
    text = page("operations.md")
    for path, methods in build_openapi_document(True)["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in text


def test_the_operations_here_are_those_of_the_vendor_and_all_are_listed() -> None:
    known = {(row["version"], row["sdk"]) for row in compatibility.all_operations()}
    here = {(operations.version(version), operation.sdk) for version in VERSIONS for operation in version.OPERATIONS}
    assert here == known
    assert len(known) == 71
    listed = re.findall(r"^\| V[123]-\d+ \|", page("compatibility.md"), re.MULTILINE)
    assert len(listed) == len(set(listed)) == 71


def test_every_command_and_option_is_documented() -> None:
    text = page("commands.md")
    for path, command in settings.commands():
        assert f"## {' '.join(path)}\n" in text
        for option in settings.options(command).values():
            assert option.opts[0] in text
    table = page("settings.md")
    for command in (settings.serve, settings.emulate):
        for option in settings.options(command).values():
            assert f"| `{option.opts[0]}` | `{settings.variable_of(option)}` |" in table


def test_every_group_of_commands_is_described() -> None:
    described = set(
        re.findall(r"`([a-z-]+)`", "\n".join(re.findall(r"^\| `.+", page("command-line.md"), re.MULTILINE)))
    )
    assert {path[1] for path, _ in settings.commands() if len(path) > 1} <= described


def test_every_option_named_in_a_page_exists() -> None:
    own = [option for _, command in settings.commands() for option in settings.options(command).values()]
    known = {name for option in own for name in (*option.opts, *option.secondary_opts)} | OTHER_PROGRAMS
    for path in PAGES:
        text = " ".join(re.findall(r"`[^`\n]+`", _FENCE.sub("", path.read_text(encoding="utf-8"))))
        unknown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text)) - known
        assert path.name == "benchmarks.md" or not unknown, f"{path.name} names options that do not exist: {unknown}"


def test_every_setting_is_an_option_or_a_documented_limit() -> None:
    names = {name for command in (settings.serve, settings.emulate) for name in settings.options(command)}
    for field in Settings.__struct_fields__:
        assert field in names or field in settings.FIXED or field in ("emulator", "in_effect"), (
            f"{field} is not documented"
        )


def test_every_error_code_and_outcome_has_advice() -> None:
    assert set(errors.ADVICE) == set(ErrorCode)
    assert set(errors.OUTCOME_ADVICE) == set(Outcome)
    text = page("errors.md")
    for error_code in ErrorCode:
        assert f"| {error_code.value} |" in text
    for outcome in Outcome:
        assert f"| {outcome.value} |" in text


def test_the_tree_in_architecture_names_every_folder() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    tree = block(text, "text", "src/fotapool/\n").partition("\ntests/")[0]
    named = {entry.split("/")[0]: set(re.findall(r" (\w+)/", entry)) for entry in re.split(r"\n {2}(?! )", tree)[1:]}
    source = ROOT / "src/fotapool"
    folders = {path.parent.relative_to(source).parts for path in source.rglob("__init__.py")} - {()}
    assert named == {top: {name for parts in folders if parts[0] == top for name in parts[1:]} for top, *_ in folders}


def test_architecture_is_short() -> None:
    assert (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").count("\n") <= 200


def test_architecture_names_files_and_functions_that_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    source = ROOT / "src/fotapool"
    code = "\n".join(path.read_text(encoding="utf-8") for path in source.rglob("*.py"))
    for name in re.findall(r"`([\w/]+/[\w/]+)/?`", text):
        assert (source / name).exists() or (ROOT / name).exists(), f"there is no {name}"
    for name in re.findall(r"`([\w/]+\.py)(?::[^`]*)?`", text):
        assert list(source.rglob(name)), f"there is no {name}"
    for name in re.findall(r"`(?:[\w/]+\.py: )?([A-Z][a-z]+[A-Z]\w+|[a-z]+_[a-z_]+)(?:\.\w+)?`", text):
        assert re.search(rf"\b{name}\b", code), f"nothing is called {name}"


def _anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _links(path: Path) -> Iterator[str]:
    for target in _LINK.findall(_FENCE.sub("", path.read_text(encoding="utf-8"))):
        if not re.match(r"[a-z]+:", target):
            yield target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for target in _links(path):
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), f"{path.name} links to {target}, which does not exist"
        assert not anchor or anchor in _anchors(there), f"{path.name} links to {target}, which has no such heading"


def test_every_page_named_in_the_code_exists() -> None:
    for top in ("src", "tests", "bench", "docs", "examples"):
        for path in (ROOT / top).rglob("*.py"):
            for name in re.findall(r"\bdocs/[\w./-]+\.(?:md|tsv|svg|py)\b", path.read_text(encoding="utf-8")):
                assert (ROOT / name).exists(), f"{path.relative_to(ROOT)} names {name}, which does not exist"


def test_the_index_links_every_page() -> None:
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in _links(DOCS / "README.md")}
    for folder in ("tutorials", "how-to", "reference", "explanation"):
        assert set((DOCS / folder).glob("*.md")) <= linked
    decisions = {(DOCS / "decisions" / target).resolve() for target in _links(DOCS / "decisions/README.md")}
    assert set((DOCS / "decisions").glob("0*.md")) == decisions


@pytest.mark.parametrize("path", sorted((DOCS / "decisions").glob("0*.md")), ids=lambda path: path.stem)
def test_a_decision_has_a_status_and_a_date(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.search(
        r"^Status: (accepted|superseded by .+)\n\nDate: \d{4}-\d\d-\d\d\n\n## Context$", text, re.MULTILINE
    )


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_is_for_every_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(work|root|home|tmp)/", text), "a path of one machine"


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8").replace(" --disable-pip-version-check", "")
    install, test = block(README, "sh", "pytest").strip().split(" && ")[1:]
    for command in (install, test):
        program, _, arguments = command.partition(" ")
        assert f'"$venv/tests/bin/{Path(program).name}" {arguments}' in script, f".ci/run does not run: {command}"


def test_the_demo_is_one_command() -> None:
    assert block(README, "sh", "fotapool demo").strip() == (
        "python3 -m venv .venv && .venv/bin/pip install --quiet . && .venv/bin/fotapool demo"
    )


@pytest.mark.parametrize("name", ["first-requests.md", "seed.md"])
def test_the_seed_documents_shown_are_good(name: str) -> None:
    document = read_seed_document(block(page(name), "yaml", "accounts:"))
    assert document.clients
    assert document.users
    assert all(list(read_devices(account, NOW_MS)) for account in document.accounts)
    assert any(account.fleet for account in document.accounts)
    assert document.firmware
    check_document(document, NOW_MS)


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def tutorial_server(server_process: Callable[..., Any], tmp_path: Path) -> Iterator[str]:
    """The server that the tutorials start."""
    seed = tmp_path / "seed.yaml"
    seed.write_text(block(page("first-requests.md"), "yaml", "accounts:"), encoding="utf-8")
    with server_process("emulate", "--seed", str(seed)) as (address, _):
        yield address


def test_the_readmes_program_runs() -> None:
    code = block(README, "python", "Server()")
    assert len([line for line in code.splitlines() if line]) <= 10
    output = run_python(code)
    assert '"licUsedCount":3' in output
    assert output.count('"LicenseAssignSuccess"') == 3


def test_the_readme_is_short() -> None:
    before, _, after = README.partition("## Run it in production")
    assert len(before.split()) <= 700
    assert len(before.split()) + len(after.split()) <= 1000


def test_the_sdk_program_of_the_tutorial_runs(tutorial_server: str) -> None:
    code = block(page("first-requests.md"), "python", "V3LicenseIMEI")
    output = run_python(code.replace("http://127.0.0.1:8080", tutorial_server))
    assert '"licUsedCount":101' in output
    assert '"LicenseAssignSuccess"' in output


def test_the_campaign_of_the_tutorial_runs(tutorial_server: str) -> None:
    code = block(page("tutorials/campaign.md"), "python", "Listener")
    lines = run_python(code.replace("http://127.0.0.1:8080", tutorial_server)).splitlines()
    assert lines[:2] == ["CampaignRequestPending", "CampaignRequestQueued []"]
    assert lines[-1].startswith("CampaignEnded ")
    assert sum(line.count("'UpgradeSuccess'") + line.count("'UpgradeFailed'") for line in lines) == 3


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="needs curl and bash")
def test_the_curl_commands_of_the_tutorial_run(tutorial_server: str) -> None:
    commands = block(page("first-requests.md"), "sh", "BEARER=").replace("http://127.0.0.1:8080", tutorial_server)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert '"assignedLicenses":100' in done.stdout
