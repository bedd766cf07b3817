"""A local certificate authority for the vendor's host names, for SDKs with a fixed base address."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import trustme

from fotapool.web.http import VENDOR_HOSTS

HOST_NAMES = (*VENDOR_HOSTS, "localhost", "127.0.0.1", "::1")
"""The names in the certificate: the vendor's production and mock environments, and this machine."""


class TlsFiles(msgspec.Struct, frozen=True):
    authority: Path
    certificate: Path
    key: Path


def ensure_certificates(directory: Path) -> TlsFiles:
    """The certificate authority and server certificate in the directory; creates missing ones."""
    files = TlsFiles(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    if not all(path.exists() for path in (files.authority, files.certificate, files.key)):
        directory.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA(organization_name="fotapool local certificate authority")
        server = authority.issue_cert(*HOST_NAMES)
        authority.cert_pem.write_to_path(files.authority)
        files.certificate.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
        with open(os.open(files.key, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as key:
            key.write(server.private_key_pem.bytes())
    return files
