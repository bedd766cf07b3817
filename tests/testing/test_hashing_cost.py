"""Hashing is cheap where the database is gone with its process, and nowhere else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import httpx

from fotapool.core import hashing

CLIENT = {"key": "some-client", "secret": "some-secret"}


def test_an_emulator_that_keeps_its_database_hashes_as_serve_does(
    server_process: Callable[..., Any], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/kept.db"
    with server_process("emulate", "--database", url, "--operator-key", "key") as (address, _):
        headers = {"Authorization": "Bearer key"}
        assert httpx.post(f"{address}/control/v1/clients", json=CLIENT, headers=headers).status_code == 201
    rows = apsw.Connection(str(tmp_path / "kept.db")).execute("SELECT * FROM api_client").fetchall()
    assert f"m={hashing.MEMORY_KIB},t={hashing.PASSES}" in str(rows)


def test_hashes_at_the_lowest_cost_need_no_thread() -> None:
    async def threads() -> tuple[int, int]:
        return await hashing.queue.run(threading.get_ident), await hashing.HashingQueue(1).run(threading.get_ident)

    here, other = asyncio.run(threads())  # this process hashes at that cost, see conftest.py
    assert here == threading.get_ident() != other


def test_tokens_work_with_a_database_in_memory(server_process: Callable[..., Any]) -> None:
    with server_process("emulate", "--operator-key", "key") as (address, _):
        headers = {"Authorization": "Bearer key"}
        assert httpx.post(f"{address}/control/v1/clients", json=CLIENT, headers=headers).status_code == 201
        form = {"grant_type": "client_credentials"}
        answers = [
            httpx.post(f"{address}/api/ts/v1/oauth2/token", data=form, auth=("some-client", "some-secret"))
            for _ in range(2)
        ]
        wrong = httpx.post(f"{address}/api/ts/v1/oauth2/token", data=form, auth=("some-client", "wrong"))
    assert len({one.json()["access_token"] for one in answers}) == 1
    assert wrong.status_code >= 400
