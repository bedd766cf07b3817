"""A server behind nginx, below a path prefix that nginx passes on or takes off; nginx says who the client is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from fotapool.cli.main import main
from support.helpers import ACCOUNT, KEY, PASSWORD, SECRET, SEED, USER, Api, seed_file
from support.nginx import needs_nginx, running_nginx
from support.processes import NO_AUTHORITIES, ServerProcess, free_port

SERVERS = """
    proxy_http_version 1.1;
    proxy_set_header Host $host:$server_port;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto https;
    server {{
        listen 127.0.0.1:{kept};
        location /fota/ {{ proxy_pass http://127.0.0.1:{server}; }}
    }}
    server {{
        listen 127.0.0.1:{stripped};
        location /fota/ {{ proxy_pass http://127.0.0.1:{server}/; }}
    }}
"""
KEY_OF_OPERATOR = "test-operator-key"
CLIENT = "127.0.0.2"

pytestmark = needs_nginx


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The ports of nginx, by what it does with the prefix, and of the server behind it."""
    directory = tmp_path_factory.mktemp("proxy")
    found = {"kept": free_port(), "stripped": free_port()}
    options = ("--root-path", "/fota/", "--forwarded-allow-ips", "127.0.0.1", "--seed", seed_file(directory, SEED))
    server = ServerProcess(directory, "--database", f"sqlite:///{directory}/fotapool.db", *options)
    try:
        server.wait_until_ready()
        with running_nginx(directory, SERVERS.format(server=server.port, **found)):
            yield {**found, "server": server.port}
    finally:
        server.stop()


@pytest.fixture(params=["kept", "stripped"])
def http(request: pytest.FixtureRequest, ports: dict[str, int]) -> Iterator[httpx.Client]:
    """A client of nginx, from another address than nginx has."""
    transport = httpx.HTTPTransport(local_address=CLIENT, verify=NO_AUTHORITIES)
    with httpx.Client(
        base_url=f"http://127.0.0.1:{ports[request.param]}/fota", transport=transport, timeout=120
    ) as one:
        yield one


def test_the_console_is_served_below_the_prefix(http: httpx.Client) -> None:
    response = http.get("/console/access?x=1")
    assert response.headers["location"] == "/fota/console/sign-in?next=%2Fconsole%2Faccess%3Fx%3D1"
    origin = {"Origin": f"https://127.0.0.1:{http.base_url.port}"}
    form = {"key": KEY_OF_OPERATOR, "next": "/console/access"}
    response = http.post("/console/sign-in", data=form, headers=origin)
    assert (response.status_code, response.headers["location"]) == (303, "/fota/console/access"), response.text
    cookie = response.headers["set-cookie"]
    assert "Path=/fota/console;" in cookie
    assert "Secure" in cookie
    page = http.get("/console/access", headers={"Cookie": cookie.partition(";")[0]})
    assert page.status_code == 200
    assert 'href="/fota/console/pools"' in page.text
    assert 'href="/console' not in page.text
    entries = http.get("/control/v1/audit-log", headers={"Authorization": f"Bearer {KEY_OF_OPERATOR}"}).json()[
        "entries"
    ]
    assert {entry["address"] for entry in entries if entry["action"] == "signIn"} == {CLIENT}


def test_the_api_is_served_below_the_prefix(http: httpx.Client) -> None:
    api = Api(http)
    api.sign_in()
    assert api.call("GET", f"/v3/licenses/{ACCOUNT}").status_code == 200
    assert http.get("/health/ready").status_code == 200
    assert http.get("/openapi.json").json()["servers"] == [{"url": "/fota"}]


def test_commands_take_an_address_with_the_prefix(http: httpx.Client, tmp_path: Path) -> None:
    variables = {
        "FOTAPOOL_ADDRESS": str(http.base_url),
        "FOTAPOOL_PROFILE_DIR": str(tmp_path / "profiles"),
        "FOTAPOOL_OPERATOR_KEY": KEY_OF_OPERATOR,
        "FOTAPOOL_CLIENT_KEY": KEY,
        "FOTAPOOL_CLIENT_SECRET": SECRET,
        "FOTAPOOL_USER": USER,
        "FOTAPOOL_PASSWORD": PASSWORD,
    }
    for words in (("accounts", "list"), ("licenses", "show", ACCOUNT)):
        result = CliRunner().invoke(main, words, env=variables)
        assert result.exit_code == 0, result.output
        assert ACCOUNT in result.output or "5" in result.output
