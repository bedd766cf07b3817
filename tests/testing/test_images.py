"""The image's files agree with the project: what is locked is what is needed, and what is copied is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml
from click.testing import CliRunner

from fotapool.cli.main import main
from fotapool.cli.server.tls import HOST_NAMES

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_every_dependency_is_locked_by_hash() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = set(re.findall(r"^([a-z0-9.-]+)==\S+ .*\\\n +--hash=sha256:", LOCK, re.MULTILINE))
    needed = {re.split(r"[\[>=<; ]", line)[0].lower() for line in project["dependencies"]}
    assert needed <= locked
    assert len(re.findall(r"^[a-z0-9.-]+==", LOCK, re.MULTILINE)) == len(locked)


def test_the_image_copies_what_there_is_and_runs_as_nobody_in_particular() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text().split()
    for name in " ".join(copied).split():
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored
    assert re.search(r"^USER 10001$", DOCKERFILE, re.MULTILINE)
    assert "/health/ready" in DOCKERFILE


def test_the_services_run_commands_that_exist() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for name in ("emulate", "serve"):
        help_text = CliRunner().invoke(main, [services[name]["command"][0], "--help"]).output
        assert all(word in help_text for word in services[name]["command"] if word.startswith("--"))


def test_the_certificate_is_for_the_vendors_names() -> None:
    assert {"thingspace.verizon.com", "mock.thingspace.verizon.com"} <= set(HOST_NAMES)
