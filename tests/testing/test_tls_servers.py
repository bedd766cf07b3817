"""HTTPS for test suites: the vendor's host names, and clients that trust the server's own authority."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import requests
from cryptography import x509

from fotapool.cli.server.tls import HOST_NAMES
from fotapool.testing import Server
from testing.test_plugin import run_tests


def test_clients_trust_the_server_by_its_ca_file() -> None:
    with Server(tls=True) as server:
        assert server.address.startswith("https://127.0.0.1:")
        assert server.ca_file is not None
        account = server.account(licenses=3)
        account.assign(account.devices[0])
        assert account.api.get(f"/api/fota/v3/licenses/{account.name}").json()["assignedLicenses"] == 1
        body = account.sdk.software_management_licenses_v3.get_account_licenses_status(account.name).body
        assert [row.device_id for row in body.device_list] == account.devices[:1]
        session = requests.Session()
        session.trust_env = False
        assert session.get(f"{server.address}/health/ready", verify=server.ca_file, timeout=120).status_code == 200
        context = ssl.create_default_context(cafile=server.ca_file)
        with httpx.Client(verify=context, trust_env=False) as client:
            assert client.get(f"{server.address}/health/ready").status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            session.get(f"{server.address}/health/ready", timeout=120)
        authority = Path(server.ca_file)
        account.close()
    assert not authority.exists()


def test_the_certificate_is_for_the_vendor_s_host_names() -> None:
    with Server(tls=True) as server:
        parts = urlsplit(server.address)
        assert parts.hostname is not None
        assert parts.port is not None
        pem = ssl.get_server_certificate((parts.hostname, parts.port))
        for name in ("thingspace.verizon.com", "mock.thingspace.verizon.com"):
            command = [
                "curl",
                "-sS",
                "--cacert",
                str(server.ca_file),
                "--noproxy",
                "*",
                "--resolve",
                f"{name}:{parts.port}:127.0.0.1",
                f"https://{name}:{parts.port}/health/live",
            ]
            assert subprocess.run(command, capture_output=True, timeout=120).returncode == 0
    names = x509.load_pem_x509_certificate(pem.encode()).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    found = {str(one.value) for one in names.value}
    assert set(HOST_NAMES) <= found


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_the_plugin_starts_its_server_with_https_if_the_project_says_so(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    text = """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_mine(fotapool, number):
    assert fotapool.server.address.startswith("https://")
    fotapool.assign(fotapool.devices[0])
    fotapool.assert_pool(used=1)
    assert fotapool.api.get(f"/api/fota/v3/subscriptions/{fotapool.name}").status_code == 200
"""
    assert "3 passed" in run_tests(tmp_path, text, "-o", "fotapool_tls=true", *arguments)
