"""The client commands, run as a user runs them, against an emulator on a real socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fotapool.cli.main import main
from support.helpers import OPERATOR, Api


class Cli:
    """`cli("accounts", "list")` runs the command in this process, and checks its exit code."""

    def __init__(self, address: str, directory: Path, **environment: str) -> None:
        self.environment = {
            "FOTAPOOL_ADDRESS": address,
            "FOTAPOOL_PROFILE_DIR": str(directory / "profiles"),
            "FOTAPOOL_PROFILE": "",
            "FOTAPOOL_OPERATOR_KEY": OPERATOR,
            **environment,
        }

    def __call__(self, *words: str, code: int = 0, given: str | None = None, **environment: str) -> Result:
        result = CliRunner().invoke(main, words, input=given, env={**self.environment, **environment})
        assert result.exit_code == code, f"{words} ended with {result.exit_code}: {result.output}{result.exception!r}"
        return result

    def rows(self, *words: str, **options: Any) -> list[Any]:
        """The rows of a list that was asked for with --json."""
        return [json.loads(line) for line in self(*words, "--json", **options).stdout.splitlines()]

    def one(self, *words: str, **options: Any) -> Any:
        return json.loads(self(*words, "--json", **options).stdout)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite only: what a client sees does not depend on the server's database."""
    return f"sqlite:///{tmp_path}/server.db"


@pytest.fixture
def cli_of(tmp_path: Path) -> Callable[[Api], Cli]:
    return lambda api: Cli(str(api.http.base_url).rstrip("/"), tmp_path)


@pytest.fixture
def cli(api: Api, cli_of: Callable[[Api], Cli]) -> Cli:
    """The command line, pointed at the fixture `api`'s emulator."""
    return cli_of(api)
