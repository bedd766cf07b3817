"""The page about containers and CI: its workflows have GitHub's schema, and its settings and paths exist."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/ci.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
TESTING = (ROOT / "docs/how-to/testing.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


DOCUMENTS: list[Any] = [yaml.safe_load(block) for block in blocks("yaml")]
WORKFLOWS: list[dict[str, Any]] = [one for one in DOCUMENTS if "jobs" in one]
STEPS: list[list[Any]] = [one for one in DOCUMENTS if isinstance(one, list)]


def names_of_settings(text: str) -> set[str]:
    return set(re.findall(r"\bFOTAPOOL_\w+", text))


def test_the_workflows_have_the_published_schema(tmp_path: Path) -> None:
    files = []
    for place, workflow in enumerate(WORKFLOWS):
        # Only the first example has the beginning of the file, in which YAML 1.1 reads `on` as true.
        whole = {"on": "push"} | {name: value for name, value in workflow.items() if name is not True}
        (job,) = workflow["jobs"].values()
        for number, added in enumerate([[], *STEPS]):
            files.append(tmp_path / f"{place}-{number}.json")
            whole["jobs"] = {"tests": {**job, "steps": job["steps"] + added}}
            files[-1].write_text(json.dumps(whole), encoding="utf-8")
    options = ("--builtin-schema", "vendor.github-workflows")
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", *options, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_service_has_a_seed_and_the_key_that_the_tests_use() -> None:
    (job,) = (job for one in WORKFLOWS for job in one["jobs"].values() if "services" in job)
    service = job["services"]["fotapool"]
    assert service["env"]["FOTAPOOL_SEED"] == "demo"
    key = service["env"]["FOTAPOOL_OPERATOR_KEY"]
    assert job["env"]["FOTAPOOL_TEST_OPERATOR_KEY"] == key
    assert len(key) >= 16
    assert all(f"Bearer {key}" in step["run"] for steps in STEPS for step in steps)
    assert job["env"]["FOTAPOOL_TEST_ADDRESS"].endswith(service["ports"][0].partition(":")[0])


def test_every_setting_and_path_on_the_page_exists() -> None:
    known = names_of_settings(SETTINGS) | names_of_settings(TESTING) | {"FOTAPOOL_ADDRESS", "FOTAPOOL_TEST_ADDRESS"}
    assert names_of_settings(PAGE) <= known
    recipes = [*blocks("python"), *blocks("ts"), *blocks("java")]
    assert len(recipes) == 3
    for recipe in recipes:
        assert "FOTAPOOL_OPERATOR_KEY" in recipe
        assert "/health/ready" in recipe


def test_the_python_programs_are_programs() -> None:
    for program in blocks("python"):
        ast.parse(program)
