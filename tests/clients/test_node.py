"""The npm package: its tests and its examples, as `npm test` runs them.

The suites of node:test need Node.js alone. Those of vitest and the compiler are run where `npm install` was run in
clients/node.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clients.node import MODULES, NODE_MODULES, PACKAGE, needs_node, needs_node_modules
from fotapool import __version__

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 300


def run(*command: str | Path) -> str:
    """The output of a command in the package's folder. The `fotapool` of this Python is the first on the PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=PACKAGE, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-4_000:]
    return done.stdout


@needs_node
@pytest.mark.parametrize("suite", ["test/fotapool.test.js", "examples/node-test/rollout.test.js"])
def test_the_suites_of_node_test_pass(suite: str) -> None:
    output = run("node", "--test", "--test-reporter=tap", suite)
    assert re.search(r"^# fail 0$", output, re.MULTILINE)
    assert re.search(r"^# pass [1-9]", output, re.MULTILINE)


@needs_node_modules
def test_the_types_of_the_api_are_made_and_the_vitest_example_compiles_and_passes() -> None:
    run("node", "scripts/types.js")
    run(MODULES / ".bin/tsc", "--project", ".")
    run(MODULES / ".bin/vitest", "run", "--root", "examples/vitest")


def test_the_package_is_the_projects_and_has_no_dependencies() -> None:
    package = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))
    assert (package["name"], package["version"]) == ("fotapool", __version__)
    assert package["license"] == "Apache-2.0"
    assert "dependencies" not in package
    for entry in [*package["files"], *package["exports"]["."].values()]:
        assert (PACKAGE / entry).exists() or entry in ("api.d.ts", "LICENSE"), f"there is no {entry}"


def test_every_export_and_member_is_declared_and_in_the_readme() -> None:
    declared = (PACKAGE / "index.d.ts").read_text(encoding="utf-8")
    readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
    for name in ("start", "connect"):
        assert f"export function {name}(" in declared
        assert f"`{name}(" in readme
    source = (PACKAGE / "lib/account.js").read_text(encoding="utf-8")
    (defaults,) = re.findall(r"^const DEFAULTS = \{\n(.*?)^\};", source, re.DOTALL | re.MULTILINE)
    for name in re.findall(r"^  (\w+):", defaults, re.MULTILINE):
        assert re.search(rf"^  {name}\?:", declared, re.MULTILINE), f"{name} is not declared"
        assert re.search(rf"\b{name}\b", readme), f"{name} is not in the README"


@needs_node
def test_the_example_of_the_readme_passes(tmp_path: Path) -> None:
    readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```js\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    modules = tmp_path / "node_modules"
    modules.mkdir()
    shutil.copytree(PACKAGE, modules / "fotapool", ignore=shutil.ignore_patterns("node_modules"))
    suite = tmp_path / "readme.test.mjs"
    suite.write_text(program, encoding="utf-8")
    assert re.search(r"^# pass 1$", run("node", "--test", "--test-reporter=tap", suite), re.MULTILINE)


def test_modules_of_npm_are_no_part_of_the_project() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert f"{NODE_MODULES}/" in ignored
