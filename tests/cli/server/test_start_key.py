"""`fotapool serve` makes and prints a key only while nobody has one, and says that a key is retired."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from support.processes import NO_AUTHORITIES

CREATE = {"name": "one"}


def control(address: str, key: str, method: str = "GET", path: str = "/operators", **options: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    url = f"{address}/control/v1{path}"
    return httpx.request(method, url, headers=headers, verify=NO_AUTHORITIES, timeout=300, **options)


def test_a_key_is_made_at_the_start_until_an_operator_exists(
    server_process: Callable[..., Any], tmp_path: Path
) -> None:
    arguments = ("serve", "--database", f"sqlite:///{tmp_path}/server.db", "--storage", f"{tmp_path.as_uri()}/files")
    with server_process(*arguments) as (address, process):
        line = process.stderr.readline()
        assert line.startswith("operator key for this run: ")
        made = line.split()[5]
        own = control(address, made, "POST", json=CREATE).json()["key"]
    with server_process(*arguments) as (address, process):
        assert (control(address, made).status_code, control(address, own).status_code) == (401, 200)
        process.terminate()
        assert "operator key" not in process.stderr.read().replace("an operator key from", "")
    with server_process(*arguments, FOTAPOOL_OPERATOR_KEY="k" * 32) as (address, _):
        assert control(address, own, "DELETE", "/start-key").status_code == 204
    with server_process(*arguments, FOTAPOOL_OPERATOR_KEY="k" * 32) as (address, process):
        assert control(address, "k" * 32).status_code == 401
        process.terminate()
        assert "start_key_retired" in process.stderr.read()
