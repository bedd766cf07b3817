"""The option --storage: a place that is none is told at the start, and a good one is used."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

PACKAGE = {"firmwareName": "f", "make": "V", "model": "M", "fromVersion": "1", "toVersion": "2", "protocol": "HTTP"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--storage", "nonsense"], "storage"),
        (["--storage", "file://relative"], "three slashes"),
        (["--storage", Path(__file__).as_uri()], "is not a directory"),
        (["--storage", f"{Path(__file__).as_uri()}/below", "--workers", "2"], "is not a directory"),
        (["--storage", "memory:///", "--workers", "2"], "workers cannot share storage in memory"),
    ],
)
def test_a_storage_that_is_none_is_told_at_the_start(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fotapool.cli", "serve", "--port", "0", "--operator-key", "k", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("given", [True, False])
def test_contents_go_where_the_option_says_or_beside_the_database(
    server_process: Callable[..., Any], tmp_path: Path, given: bool
) -> None:
    place = tmp_path / "elsewhere" if given else tmp_path / "fotapool-files"
    option = ["--storage", place.as_uri()] if given else []
    arguments = ["serve", "--database", f"sqlite:///{tmp_path}/x.db", "--operator-key", "k", *option]
    headers = {"Authorization": "Bearer k"}
    with server_process(*arguments) as (address, _):
        control = f"{address}/control/v1/firmware"
        assert httpx.post(control, headers=headers, content=json.dumps(PACKAGE)).status_code == 201
        assert not place.exists()
        assert httpx.put(f"{control}/f/content", headers=headers, content=b"octets").status_code == 200
    assert [path.read_bytes() for path in place.iterdir()] == [b"octets"]


def test_the_contents_of_a_database_in_memory_go_with_the_process(
    server_process: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    headers = {"Authorization": "Bearer k"}
    with server_process("emulate", "--operator-key", "k") as (address, _):
        control = f"{address}/control/v1/firmware"
        assert httpx.post(control, headers=headers, content=json.dumps(PACKAGE)).status_code == 201
        assert httpx.put(f"{control}/f/content", headers=headers, content=b"octets").status_code == 200
        assert [path.name for path in tmp_path.glob("fotapool-*/*/*")] != []
    assert list(tmp_path.iterdir()) == []
