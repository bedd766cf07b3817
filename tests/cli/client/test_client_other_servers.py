"""What the commands say of a server that redirects, or answers something else than documented."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fotapool.cli.main import main
from support.helpers import ACCOUNT

COMMANDS = (
    ("accounts", "list"),
    ("accounts", "show", ACCOUNT),
    ("snapshot", "save", "-"),
    ("accounts", "audit", ACCOUNT),
    ("subscription", "show", ACCOUNT),
    ("devices", "list", ACCOUNT),
    ("ledger", ACCOUNT),
    ("statements", "list", ACCOUNT),
    ("deliveries", "list"),
    ("audit-log", "list"),
    ("users", "list"),
    ("clients", "list"),
    ("operators", "list"),
    ("clock", "show"),
    ("faults", "list"),
    ("requests", "list"),
    ("licenses", "list", ACCOUNT),
    ("licenses", "show", ACCOUNT),
    ("candidates", "list", ACCOUNT),
    ("campaigns", "list", ACCOUNT),
)
BODIES = (b"{}", b"[]", b"[1]", b'"text"', b"1", b"null", b"", b"<html>", b'{"accounts": 1}', b'{"accounts": [[]]}')


class OtherServer:
    """Answers every request alike."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b"{}"
        self.location = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(outer.status)
                if outer.location:
                    self.send_header("Location", outer.location)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            do_POST = do_PUT = do_DELETE = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def other() -> Iterator[OtherServer]:
    server = OtherServer()
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.server.shutdown()
    thread.join()
    server.server.server_close()


def run(other: OtherServer, directory: Path, *words: str) -> Result:
    environment = {"FOTAPOOL_ADDRESS": other.address, "FOTAPOOL_PROFILE_DIR": str(directory), "FOTAPOOL_PROFILE": ""}
    return CliRunner().invoke(main, words, env=environment)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("command", [COMMANDS[0], COMMANDS[1], ("licenses", "list", ACCOUNT)], ids=" ".join)
def test_a_redirect_is_named_and_not_followed(
    other: OtherServer, tmp_path: Path, command: tuple[str, ...], status: int
) -> None:
    other.status, other.location, other.body = status, "https://elsewhere.example/x", b""
    done = run(other, tmp_path, *command)
    assert (done.exit_code, done.output) == (
        4,
        f"Error: {other.address} redirects to another address: https://elsewhere.example/x\n"
        "Redirects are not followed. Give the address of the server itself with --address or in the profile.\n",
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_answer_of_another_form_ends_with_a_sentence(
    other: OtherServer, tmp_path: Path, command: tuple[str, ...]
) -> None:
    for body, as_json in itertools.product(BODIES, (False, True)):
        other.body = body
        done = run(other, tmp_path, *command, *(["--json"] if as_json and command[0] != "snapshot" else []))
        assert done.exception is None or isinstance(done.exception, SystemExit), (body, done.exception)
        assert done.exit_code in (0, 4), (body, done.output)
        assert done.exit_code == 0 or "unexpected response to" in done.output, (body, done.output)
        assert as_json or body == b"[]" or done.exit_code == 4, (body, done.output)
    other.body = b"{}"
    done = run(other, tmp_path, "accounts", "list")
    assert done.output == (
        "Error: unexpected response to GET /control/v1/accounts: 200, not of the documented form"
        " (KeyError: 'accounts')\n"
        "Check the address: it must be that of the server, without a path.\n"
    )
