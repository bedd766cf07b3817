"""An exchange as a curl command and as a pytest test, with the tokens and the address left to the environment."""

from __future__ import annotations

import json
import shlex

from fotapool.emulator.exchanges import REDACTED, Exchange

KEPT_HEADERS = ("content-type", "accept")
"""Which headers are repeated, tokens aside: the others are the client's own affair."""
TOKENS = {"authorization": ("Bearer ", "FOTAPOOL_BEARER"), "vz-m2m-token": ("", "FOTAPOOL_SESSION")}
BASIC = "FOTAPOOL_BASIC"
"""KEY:SECRET in base64, for the requests with Authorization: Basic."""
ADDRESS = "http://127.0.0.1:8080"


def _tokens(exchange: Exchange) -> dict[str, tuple[str, str]]:
    """Header to what precedes the token and the variable that the token is in."""
    found = {}
    for name, value in exchange.headers:
        key = name.decode("latin-1").lower()
        if key in TOKENS:
            found[key] = ("Basic ", BASIC) if value.lower().startswith(b"basic ") else TOKENS[key]
    return found


def _plain(exchange: Exchange) -> dict[str, str]:
    pairs = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in exchange.headers)
    return {name: value for name, value in pairs if name in KEPT_HEADERS}


def _notes(exchange: Exchange) -> list[str]:
    notes = [f"request {exchange.number}, id {exchange.request_id}, answered {exchange.status}"]
    if exchange.body.truncated:
        notes.append(f"the body is cut: it had {exchange.body.total_bytes} bytes")
    if REDACTED in exchange.body.text():
        notes.append(f"put the secrets where the body has {REDACTED}")
    return notes


def as_curl(exchange: Exchange) -> str:
    """For a shell, with FOTAPOOL_URL, FOTAPOOL_BEARER and FOTAPOOL_SESSION in the environment."""
    words = [f"curl -sS -i -X {shlex.quote(exchange.method)}"]
    for name, (before, variable) in _tokens(exchange).items():
        words.append(f'-H "{name}: {before}${variable}"')
    words += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in _plain(exchange).items()]
    if exchange.body.total_bytes:
        words.append(f"--data-binary {shlex.quote(exchange.body.text())}")
    words.append(f'"${{FOTAPOOL_URL:-{ADDRESS}}}"{shlex.quote(exchange.path)}')
    return "".join(f"# {note}\n" for note in _notes(exchange)) + " \\\n  ".join(words) + "\n"


def as_pytest(exchange: Exchange) -> str:
    """A module with one test, which expects the same answer."""
    tokens = [
        f"        {name!r}: {before!r} + os.environ[{variable!r}],"
        for name, (before, variable) in _tokens(exchange).items()
    ]
    headers = [*tokens, *(f"        {name!r}: {value!r}," for name, value in _plain(exchange).items())]
    lines = [f'"""{note.capitalize()}."""' if not n else f"# {note}" for n, note in enumerate(_notes(exchange))]
    lines += [
        "import os",
        "",
        "import httpx",
        "",
        f'BASE = os.environ.get("FOTAPOOL_URL", {ADDRESS!r})',
        "",
        "",
        f"def test_request_{exchange.number}() -> None:",
        "    headers = {",
        *headers,
        "    }",
        "    response = httpx.request(",
        f"        {exchange.method!r}, BASE + {exchange.path!r}, headers=headers,",
    ]
    if exchange.body.total_bytes:
        lines.append(f"        content={exchange.body.text()!r},")
    lines += ["    )", f"    assert response.status_code == {exchange.status}, response.text"]
    lines += _expected(exchange)
    return "\n".join(lines) + "\n"


def _expected(exchange: Exchange) -> list[str]:
    """The answer, where it is JSON without secrets."""
    text = exchange.answer_text
    try:
        document = json.loads(text)
    except ValueError:
        return []
    return [] if REDACTED in text or exchange.answer.truncated else [f"    assert response.json() == {document!r}"]
