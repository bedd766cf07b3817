"""Turns an exchange into a curl command or a pytest test. Tokens and address come from the environment."""

from __future__ import annotations

import json

from fotapool.core.curl import curl_command, shell_word
from fotapool.emulator.exchanges import Exchange
from fotapool.emulator.masking import REDACTED

COPIED_HEADERS = ("content-type", "accept")
"""The headers that are copied, apart from tokens."""
TOKENS = {"authorization": ("Bearer ", "FOTAPOOL_BEARER"), "vz-m2m-token": ("", "FOTAPOOL_SESSION")}
BASIC = "FOTAPOOL_BASIC"
"""The variable with KEY:SECRET in base64, for requests with Authorization: Basic."""
ADDRESS = "http://127.0.0.1:8080"


def _tokens(exchange: Exchange) -> dict[str, tuple[str, str]]:
    """Header to the text before the token, and the variable with the token."""
    found = {}
    for name, value in exchange.headers:
        key = name.decode("latin-1").lower()
        if key in TOKENS:
            found[key] = ("Basic ", BASIC) if value.lower().startswith(b"basic ") else TOKENS[key]
    return found


def _copied(exchange: Exchange) -> dict[str, str]:
    pairs = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in exchange.headers)
    return {name: value for name, value in pairs if name in COPIED_HEADERS}


def _path(exchange: Exchange) -> str:
    """Always after a slash, so that it cannot become a part of the host's name."""
    return exchange.path if exchange.path.startswith("/") else f"/{exchange.path}"


def _notes(exchange: Exchange) -> list[str]:
    notes = [f"request {exchange.number}, id {exchange.request_id}, answered {exchange.status}"]
    if exchange.body.truncated:
        notes.append(f"the body is cut: it had {exchange.body.total_bytes} bytes")
    if REDACTED in exchange.body_text or REDACTED in exchange.path:
        notes.append(f"put the secrets where the request has {REDACTED}")
    return notes


def as_curl(exchange: Exchange) -> str:
    """For a shell with FOTAPOOL_URL, FOTAPOOL_BEARER and FOTAPOOL_SESSION in the environment."""
    tokens = [f'"{name}: {before}${variable}"' for name, (before, variable) in _tokens(exchange).items()]
    path = _path(exchange)
    options = ["-sS", "-i", *(["-g"] if set("[]{}") & set(path) else []), *(["--path-as-is"] if "/." in path else [])]
    command = curl_command(
        f'"${{FOTAPOOL_URL:-{ADDRESS}}}"{shell_word(path)}',
        method=exchange.method,
        options=" ".join(options),
        headers=tokens + [shell_word(f"{name}: {value}") for name, value in _copied(exchange).items()],
        data=exchange.body_text if exchange.body.total_bytes else None,
    )
    return "".join(f"# {note}\n" for note in _notes(exchange)) + command + "\n"


def as_pytest(exchange: Exchange) -> str:
    """A module with one test that expects the same response."""
    tokens = [
        f"        {name!r}: {before!r} + os.environ[{variable!r}],"
        for name, (before, variable) in _tokens(exchange).items()
    ]
    headers = [*tokens, *(f"        {name!r}: {value!r}," for name, value in _copied(exchange).items())]
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
        f"        {exchange.method!r}, BASE + {_path(exchange)!r}, headers=headers,",
    ]
    if exchange.body.total_bytes:
        lines.append(f"        content={exchange.body_text!r},")
    lines += ["    )", f"    assert response.status_code == {exchange.status}, response.text"]
    lines += _expected(exchange)
    return "\n".join(lines) + "\n"


def _expected(exchange: Exchange) -> list[str]:
    """The response, where it is JSON without secrets."""
    text = exchange.answer_text
    try:
        document = json.loads(text)
    except ValueError:
        return []
    return [] if REDACTED in text or exchange.answer.truncated else [f"    assert response.json() == {document!r}"]


FORMS = {"curl": as_curl, "pytest": as_pytest}
"""The forms in which a request can be downloaded."""
