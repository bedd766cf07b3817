"""`fotapool record` as a process: where it listens, what it passes on, what it refuses, how it ends."""

from __future__ import annotations

import gzip
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from fotapool.cli.main import main
from support.helpers import ACCOUNT, SEED, Api, device, seed_file

COMMAND = [sys.executable, "-m", "fotapool.cli", "record", "--port", "0"]


@contextmanager
def recording(upstream: str, out: Path | str, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [*COMMAND, "--upstream", upstream, "--out", str(out), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"fotapool records on (http://127\.0\.0\.1:\d+) to .*\n", line)
        assert found, line + process.communicate(timeout=120)[1]
        yield found[1], process
    finally:
        process.kill()
        process.communicate()


class Service(BaseHTTPRequestHandler):
    """A service that answers what it was asked with, compressed, and redirects."""

    def do_GET(self) -> None:
        told = json.dumps({"path": self.path, "headers": dict(self.headers)}).encode()
        body = gzip.compress(told) if "gzip" in self.headers.get("Accept-Encoding", "") else told
        self.send_response(302 if self.path == "/api/moved" else 200)
        for name, value in (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close, X-Hop"),
            ("X-Hop", "1"),
            ("X-Kept", "2"),
            ("Location", "https://elsewhere.test/"),
            ("Set-Cookie", "session=secret"),
            *((("Content-Encoding", "gzip"),) if body is not told else ()),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def service() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_records_until_it_is_told_to_stop_and_the_file_is_complete(
    server_process: Callable[..., Any], tmp_path: Path
) -> None:
    with (
        server_process("emulate", "--seed", seed_file(tmp_path, SEED)) as (address, _),
        recording(f"{address}/api", tmp_path) as (proxied, process),
    ):
        with httpx.Client(base_url=proxied, timeout=120) as client:
            api = Api(client)
            api.sign_in()
            api.assign(0)
            short = client.get(f"/fota/v3/licenses/{ACCOUNT}", headers=api.tokens)
            assert short.json()["assignedLicenses"] == 1
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    (path,) = tmp_path.glob("recording-*.jsonl")
    assert f"4 requests recorded in {path}" in said
    text = path.read_text()
    assert device(0) not in text
    assert ACCOUNT not in text
    pairs = [json.loads(line) for line in text.splitlines()[1:]]
    assert [pair["number"] for pair in pairs] == [1, 2, 3, 4]
    assert pairs[3]["request"]["path"] == "/api/fota/v3/licenses/0000000001-00001"
    done = CliRunner().invoke(main, ["compare", str(path)])
    assert done.exit_code == 0, done.output


def test_answers_are_passed_back_untouched_but_for_what_is_between_neighbors(service: str, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with recording(f"{service}/api", path) as (proxied, _), httpx.Client(base_url=proxied) as client:
        headers = {"Connection": "X-Mine", "X-Mine": "1", "X-Yours": "2", "Accept-Encoding": "br, gzip"}
        answer = client.get("/api/a%20b?c=d%2Fe", headers=headers)
        seen = answer.json()
        assert seen["path"] == "/api/a%20b?c=d%2Fe"
        got = {name.lower(): value for name, value in seen["headers"].items()}
        assert (got["x-yours"], got["accept-encoding"], got["host"]) == ("2", "gzip, deflate", service[7:])
        assert "x-mine" not in got
        assert (answer.headers["content-encoding"], answer.headers["x-kept"]) == ("gzip", "2")
        assert answer.headers["set-cookie"] == "session=secret"
        assert "x-hop" not in answer.headers
        moved = client.get("/moved", headers={"Accept-Encoding": "identity"})
        assert (moved.status_code, moved.headers["location"]) == (302, "https://elsewhere.test/")
        assert "content-encoding" not in moved.headers
    text = path.read_text()
    assert "secret" not in text
    assert '"location":"https://listener-1.invalid/"' in text


def test_a_directory_that_ends_with_a_slash_is_made(service: str, tmp_path: Path) -> None:
    with recording(service, f"{tmp_path}/recordings/") as (address, process):
        httpx.get(f"{address}/api/x")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
    (file,) = (tmp_path / "recordings").iterdir()
    assert file.name.startswith("recording-")


def test_a_service_that_cannot_be_reached_is_said_and_not_recorded(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with recording("http://127.0.0.1:1", path) as (proxied, process):
        answer = httpx.get(f"{proxied}/api/x", trust_env=False)
        assert (answer.status_code, answer.json()["title"]) == (502, "fotapool record")
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=120)[1]
    assert "cannot be reached" in said
    assert "0 requests recorded" in said
    assert path.read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--upstream", "ftp://x", "--out", "new"), "base URL"),
        (("--upstream", "https://user:word@x", "--out", "new"), "base URL"),
        (("--upstream", "https://x", "--out", "there"), "name a new file"),
        (("--upstream", "https://x", "--out", "no/such/directory/r"), "cannot write"),
        (("--out", "new"), "--upstream"),
    ],
)
def test_a_start_that_cannot_be_says_why(
    arguments: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").write_text("")
    done = CliRunner().invoke(main, ["record", "--port", "0", *arguments])
    assert done.exit_code != 0
    assert words in done.output
    assert not (tmp_path / "new").exists()
