"""Providers for sign-in: a real one in a process of its own, and one of the tests that issues any token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from forged_issuer import ForgedIssuer

from support.processes import free_port, wait_until

PEOPLE = (
    {"sub": "a1", "email": "alice@example.com", "roles": ["fota-admins", "everybody"]},
    {"sub": "v1", "email": "victor@example.com", "roles": ["fota-viewers"]},
    {"sub": "n1", "email": "nora@example.com", "roles": ["everybody"]},
)
"""Whom the real provider knows."""


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The issuer of a real provider (oidc-provider-mock, from PyPI), which demands a nonce."""
    if find_spec("oidc_provider_mock") is None:
        pytest.skip("no provider here: pip install oidc-provider-mock")
    port = free_port()
    claims = [text for person in PEOPLE for text in ("--user-claims", json.dumps(person))]
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "-p", str(port), "--require-nonce", *claims],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    issuer = f"http://127.0.0.1:{port}"

    def is_up() -> bool:
        try:
            return httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=60).status_code == 200
        except httpx.TransportError:
            assert process.poll() is None, "the provider ended"
            return False

    try:
        wait_until(is_up, "the provider")
        yield issuer
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def client_secret(tmp_path: Path) -> str:
    """The path of a file with the secret of this server's client."""
    path = tmp_path / "client-secret"
    path.write_text("s3cret\n")
    return str(path)


@pytest.fixture
def forged() -> Iterator[ForgedIssuer]:
    """A provider that answers what a test says."""
    issuer = ForgedIssuer()
    yield issuer
    issuer.stop()
