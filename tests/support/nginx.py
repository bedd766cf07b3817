"""nginx in front of the tests' servers, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.processes import wait_until

NGINX = shutil.which("nginx", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx-light")
CONFIG = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {servers}
}}
"""


@contextmanager
def running_nginx(directory: Path, servers: str) -> Iterator[None]:
    """nginx with these blocks of its `http` block."""
    assert NGINX is not None
    config = directory / "nginx.conf"
    config.write_text(CONFIG.format(directory=directory, servers=servers))
    process = subprocess.Popen([NGINX, "-p", str(directory), "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_until((directory / "nginx.pid").exists, "nginx")
        yield
    finally:
        process.terminate()
        process.wait(30)
