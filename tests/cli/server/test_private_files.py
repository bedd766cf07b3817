"""Databases, contents and backups are private, whatever the umask."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from fotapool.app import Server
from fotapool.core.settings import Settings


def modes(directory: Path) -> dict[str, str]:
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in directory.iterdir()}


def test_a_server_and_a_backup_make_private_files(tmp_path: Path, server_process: Callable[..., Any]) -> None:
    before = os.umask(0o022)
    try:
        url = f"sqlite:///{tmp_path}/fota.db"
        with server_process("serve", "--database", url, "--operator-key", "k" * 32) as (
            address,
            _,
        ):
            assert httpx.get(f"{address}/health/ready").status_code == 200
            command = [sys.executable, "-m", "fotapool.cli", "database", "backup", f"{tmp_path}/copy.db"]
            subprocess.run([*command, "--database", url], check=True, capture_output=True)
            assert {"fota.db", "fota.db-wal", "fota.db-shm", "copy.db"} <= set(modes(tmp_path))
            assert set(modes(tmp_path).values()) == {"0o600"}
    finally:
        os.umask(before)


def test_files_of_an_earlier_version_are_made_private_when_they_are_opened(tmp_path: Path) -> None:
    files = tmp_path / "fotapool-files"
    files.mkdir(mode=0o755)
    settings = Settings(database=f"sqlite:///{tmp_path}/fota.db")
    Server(settings).database.dispose()
    (tmp_path / "fota.db").chmod(0o644)
    connection = Server(settings).database.connect()
    found = modes(tmp_path)
    connection.close()
    assert found["fotapool-files"] == "0o700"
    assert found["fota.db"] == "0o600"
