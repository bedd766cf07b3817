"""Sign-in through a provider at a server of two processes behind nginx, below a path prefix."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from forged_issuer import CLIENT, ForgedIssuer

from support.nginx import needs_nginx, running_nginx
from support.processes import NO_AUTHORITIES, ServerProcess, free_port

NGINX = """
    proxy_http_version 1.1;
    proxy_set_header Host $host:$server_port;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto https;
    server {{
        listen 127.0.0.1:{port};
        location /fota/ {{ proxy_pass http://127.0.0.1:{server}{path}; }}
    }}
"""
ROUNDS = 6

pytestmark = needs_nginx


@pytest.mark.parametrize("path", ["", "/"], ids=["kept", "stripped"])
def test_any_process_ends_a_sign_in_that_another_one_began(tmp_path: Path, forged: ForgedIssuer, path: str) -> None:
    options = ("--workers", "2", "--root-path", "/fota", "--forwarded-allow-ips", "127.0.0.1")
    provider = ("--oidc-issuer", forged.url, "--oidc-client-id", CLIENT, "--oidc-admin", "fota-admins")
    server = ServerProcess(tmp_path, "--database", f"sqlite:///{tmp_path}/a.db", *options, *provider)
    port = free_port()
    try:
        server.wait_until_ready()
        with running_nginx(tmp_path, NGINX.format(port=port, server=server.port, path=path)):
            for _ in range(ROUNDS):
                sign_in(port)
    finally:
        server.stop()


def sign_in(port: int) -> None:
    """Signs in with a connection for each request. The cookies are for HTTPS, which nginx says it has."""
    base = f"http://127.0.0.1:{port}/fota"
    options = {"timeout": 120, "verify": NO_AUTHORITIES}
    begun = httpx.get(f"{base}/console/sign-in/provider", params={"next": "/console/access"}, **options)
    redirect_uri = parse_qs(urlsplit(begun.headers["location"]).query)["redirect_uri"]
    assert redirect_uri == [f"https://127.0.0.1:{port}/fota/console/sign-in/callback"]
    assert "Secure" in begun.headers["set-cookie"]
    assert "Path=/fota/console/sign-in" in begun.headers["set-cookie"]
    cookie = {"Cookie": begun.headers["set-cookie"].partition(";")[0]}
    answer = httpx.get(begun.headers["location"], **options).headers["location"]
    signed_in = httpx.get(answer.replace("https:", "http:"), headers=cookie, **options)
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/fota/console/access"), signed_in.text
    session = next(one for one in signed_in.headers.get_list("set-cookie") if one.startswith("fotapool_console="))
    assert "Secure" in session
    assert "Path=/fota/console;" in session
    page = httpx.get(f"{base}/console/access", headers={"Cookie": session.partition(";")[0]}, **options)
    assert page.status_code == 200
    assert "alice@example.com" in page.text
