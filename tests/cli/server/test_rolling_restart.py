"""Two servers behind nginx are restarted one after the other while clients call: no request fails."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import httpx
import pytest

from support.helpers import ACCOUNT, SEED, Api, devices, seed_file
from support.nginx import needs_nginx, running_nginx
from support.processes import ServerProcess, free_port, wait_until

SERVERS = """
    upstream fotapool {{
        server 127.0.0.1:{ports[0]} max_fails=0;
        server 127.0.0.1:{ports[1]} max_fails=0;
        keepalive 8;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://fotapool;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host 127.0.0.1;
        }}
    }}
"""
CLIENTS = 3
ENOUGH = 30
"""Requests that clients make between two steps of the restart."""


class Clients:
    """Clients that call all the time, each on a connection that it keeps, and count the answers."""

    def __init__(self, address: str, tokens: dict[str, str]) -> None:
        self._address = address
        self._tokens = tokens
        self.answers: Counter[str] = Counter()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _call(self, number: int) -> None:
        path = f"/api/fota/v3/licenses/{ACCOUNT}"
        body = {"deviceList": devices(number)}
        with httpx.Client(base_url=self._address, headers=self._tokens, timeout=120, trust_env=False) as client:
            while not self._stopping.is_set():
                for method, operation in (("POST", "/assign"), ("GET", ""), ("POST", "/remove")):
                    try:
                        json = body if method == "POST" else None
                        said = str(client.request(method, f"{path}{operation}", json=json).status_code)
                    except httpx.HTTPError as error:
                        said = repr(error)
                    self.answers[said] += 1

    def wait_for_more(self) -> None:
        wanted = sum(self.answers.values()) + ENOUGH
        wait_until(lambda: sum(self.answers.values()) >= wanted, "more answers")


@needs_nginx
@pytest.mark.long_on("sqlite")
def test_no_request_fails_while_two_servers_restart_behind_nginx(database_url: str, tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    storage = (tmp_path / "files").as_uri()
    options = ("--database", database_url, "--drain-s", "2", "--storage", storage)
    seed = ("--seed", seed_file(tmp_path, SEED))
    servers = [ServerProcess(tmp_path, *options, *seed, port=port) for port in ports]
    try:
        for server in servers:
            server.wait_until_ready()
        port = free_port()
        with running_nginx(tmp_path, SERVERS.format(ports=ports, port=port)):
            with httpx.Client(base_url=servers[0].address, timeout=120, trust_env=False) as http:
                api = Api(http)
                api.sign_in()
            with Clients(f"http://127.0.0.1:{port}", api.tokens) as clients:
                for place, server_port in enumerate(ports):
                    clients.wait_for_more()
                    assert servers[place].stop() == 0
                    clients.wait_for_more()
                    servers[place] = ServerProcess(tmp_path, *options, port=server_port)
                    servers[place].wait_until_ready()
                clients.wait_for_more()
            assert set(clients.answers) == {"200"}, clients.answers
    finally:
        for server in servers:
            server.stop()
