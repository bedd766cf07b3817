"""What the pages say is true: generated parts are current, nothing is left out, links lead somewhere, examples run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fotapool.core.settings import Settings
from fotapool.domain.errors import ErrorCode
from fotapool.domain.licenses.licenses import Outcome
from fotapool.openapi.document import DIALECTS, openapi_document
from fotapool.services.snapshots.seed_documents import read_devices, read_seed_document
from fotapool.services.snapshots.seeds import check_document
from support.helpers import NOW_MS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

import generate  # noqa: E402
from generated import compatibility, errors, operations, settings  # noqa: E402

PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def block(text: str, language: str, holding: str) -> str:
    """The one block of code in this language that holds the text."""
    found = [
        code for code in re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE) if holding in code
    ]
    assert len(found) == 1, f"{len(found)} blocks of {language} hold {holding!r}"
    return str(found[0])


@pytest.mark.parametrize("path", generate.pages(), ids=lambda path: path.name)
def test_the_generated_parts_of_a_page_are_current(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == generate.filled(text), f"{path.name} is out of date: run {generate.REGENERATE}"


def test_every_generated_part_stands_on_one_page() -> None:
    assert sorted(generate.used_sections()) == sorted(generate.SECTIONS)


def test_every_operation_is_documented_on_every_path() -> None:
    text = page("operations.md")
    for path, methods in openapi_document([*operations.CONTROL_OPERATIONS, *operations.EMULATOR_OPERATIONS])[
        "paths"
    ].items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in text


def test_the_operations_here_are_those_of_the_vendor_and_all_are_listed() -> None:
    known = {(row["version"], row["sdk"]) for row in compatibility.all_operations()}
    here = {(operations.version(dialect), operation.sdk) for dialect in DIALECTS for operation in dialect.OPERATIONS}
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
            assert f"| `{option.opts[0]}` | `{settings.environment(option)}` |" in table


def test_every_setting_is_an_option_or_a_documented_limit() -> None:
    names = {name for command in (settings.serve, settings.emulate) for name in settings.options(command)}
    for field in Settings.__struct_fields__:
        assert field in names or field in settings.FIXED or field == "emulator", f"{field} is not documented"


def test_every_refusal_and_outcome_has_advice() -> None:
    assert set(errors.ADVICE) == set(ErrorCode)
    assert set(errors.OUTCOMES) == set(Outcome)
    text = page("errors.md")
    for refusal in ErrorCode:
        assert f"| {refusal.value} |" in text
    for outcome in Outcome:
        assert f"| {outcome.value} |" in text


def test_the_tree_in_architecture_names_every_module() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    tree = block(text, "text", "src/fotapool/\n")
    source = ROOT / "src/fotapool"
    for path in source.rglob("*.py"):
        if path.stem in ("__init__", "__main__") or "migrations" in path.parts:
            continue
        assert re.search(rf"\b{path.stem}\b", tree), f"{path.relative_to(source)} is missing"


def _anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings."""
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


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_is_for_every_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(work|root|home|tmp)/", text), "a path of one machine"


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8").replace(" --disable-pip-version-check", "")
    install, test = block(README, "sh", "pytest").strip().split(" && ")[1:]
    for command in (install, test):
        program, _, arguments = command.partition(" ")
        assert f'"$venv/bin/{Path(program).name}" {arguments}' in script, f".ci/run does not run: {command}"


def test_the_demo_is_one_command() -> None:
    assert block(README, "sh", "fotapool demo").strip() == (
        "python3 -m venv .venv && .venv/bin/pip install --quiet . && .venv/bin/fotapool demo"
    )


@pytest.mark.parametrize("text", [README, page("seed.md")], ids=["README.md", "seed.md"])
def test_the_seed_documents_shown_are_good(text: str) -> None:
    document = read_seed_document(block(text, "yaml", "accounts:"))
    assert document.clients
    assert document.users
    assert all(list(read_devices(account, NOW_MS)) for account in document.accounts)
    assert any(account.fleet for account in document.accounts)
    assert document.firmware
    check_document(document, NOW_MS)


@pytest.fixture
def readme_server(server_process: Callable[..., Any], tmp_path: Path) -> Iterator[str]:
    """The server that the README starts."""
    seed = tmp_path / "seed.yaml"
    seed.write_text(block(README, "yaml", "accounts:"), encoding="utf-8")
    with server_process("emulate", "--seed", str(seed)) as (address, _):
        yield address


def test_the_sdk_snippet_runs(readme_server: str) -> None:
    snippet = block(README, "python", "V3LicenseIMEI").replace("http://127.0.0.1:8080", readme_server)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", snippet], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert '"licUsedCount":101' in done.stdout
    assert '"LicenseAssignSuccess"' in done.stdout


def test_the_campaign_snippet_runs(readme_server: str) -> None:
    snippet = block(README, "python", "Listener").replace("http://127.0.0.1:8080", readme_server)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", snippet], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert told[:2] == ["CampaignRequestPending", "CampaignRequestQueued []"]
    assert told[-1].startswith("CampaignEnded ")
    assert sum(line.count("'UpgradeSuccess'") + line.count("'UpgradeFailed'") for line in told) == 3


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="needs curl and bash")
def test_the_curl_commands_run(readme_server: str) -> None:
    commands = block(README, "sh", "BEARER=").replace("http://127.0.0.1:8080", readme_server)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert '"assignedLicenses":100' in done.stdout
