"""Output of the demo: requests as curl commands, responses, and their differences from the expected ones."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec

from fotapool.core.curl import curl_command
from fotapool.recording.json_diff import MISSING, pair_values

WIDTH = 110
"""Maximum length of a JSON value on one line."""
MAX_ROWS = 4
"""Rows of a list that are printed."""
JSON_HEADER = "Content-Type: application/json"

Json = Any


class Call(msgspec.Struct, frozen=True):
    """A request, with a JSON `body` or a `form`, and `user` for basic authentication."""

    method: str
    path: str
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: Json = None
    form: dict[str, str] | None = None
    user: tuple[str, str] | None = None

    def send(self, http: httpx.Client) -> httpx.Response:
        content = None if self.body is None else json.dumps(self.body)
        headers = self.headers | ({} if content is None else {"Content-Type": "application/json"})
        return http.request(
            self.method,
            self.path,
            headers=headers,
            content=content,
            data=self.form,
            auth=self.user or httpx.USE_CLIENT_DEFAULT,
        )

    def as_curl(self, address: str) -> str:
        """The curl command that sends this request."""
        has_body = self.body is not None or self.form is not None
        headers = [f"{name}: {value}" for name, value in self.headers.items()]
        data = None if self.form is None else "&".join(f"{name}={value}" for name, value in self.form.items())
        if self.body is not None:
            headers.append(JSON_HEADER)
            data = json.dumps(self.body)
        return "$ " + curl_command(
            shlex.quote(address + self.path),
            method=None if self.method == ("POST" if has_body else "GET") else self.method,
            user=":".join(self.user or ()),
            headers=map(shlex.quote, headers),
            data=data,
            indent="    ",
        )


def format_response(response: httpx.Response) -> str:
    """The status line and the body. JSON is indented, and long lists are shortened."""
    try:
        body = format_json(response.json())
    except json.JSONDecodeError:
        body = response.text
    return f"{response.http_version} {response.status_code} {response.reason_phrase}\n{body}".rstrip()


def format_json(value: Json, indent: int = 0) -> str:
    """Indented JSON; values that fit on a line stay on one."""
    flat = json.dumps(value, ensure_ascii=False)
    long = isinstance(value, list) and len(value) > MAX_ROWS
    if not isinstance(value, dict | list) or (len(flat) + indent <= WIDTH and not long and indent > 0) or not value:
        return flat
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f"{inner}{json.dumps(name)}: {format_json(member, indent + 2)}" for name, member in value.items()]
        return "{\n" + ",\n".join(parts) + "\n" + " " * indent + "}"
    parts = [inner + format_json(member, indent + 2) for member in value[:MAX_ROWS]]
    rest = f",\n{inner}… {len(value) - MAX_ROWS} more" if long else ""
    return "[\n" + ",\n".join(parts) + rest + "\n" + " " * indent + "]"


def differences(expected: Json, found: Json) -> list[str]:
    """The differences of a response from the expected one. Members that are not expected are ignored.

    An expected value is a JSON value, a type, a compiled pattern, or a list that ends with `...` for further rows.
    """
    return [
        difference
        for place, _, wanted, value in pair_values(expected, found, _pair_rows)
        if wanted is not MISSING and (difference := _difference(place or ".", wanted, value))
    ]


def _pair_rows(expected: list[Json], found: list[Json]) -> Iterator[tuple[str, Json, Json]]:
    if not _wrong_length(expected, found):
        for index, (wanted, row) in enumerate(zip(_rows(expected), found, strict=False)):
            yield f"[{index}]", wanted, row


def _rows(expected: list[Json]) -> list[Json]:
    return expected[:-1] if expected[-1:] == [...] else expected


def _wrong_length(expected: list[Json], found: list[Json]) -> bool:
    rows = _rows(expected)
    return len(found) < len(rows) or (rows is expected and len(found) > len(rows))


def _difference(place: str, expected: Json, found: Json) -> str:
    if isinstance(expected, list) and isinstance(found, list):
        rows = f"{place} has {len(found)} rows, expected {len(_rows(expected))}"
        return rows if _wrong_length(expected, found) else ""
    found = None if found is MISSING else found
    return "" if _matches(expected, found) else f"{place} is {_short(found)}, expected {_short(expected)}"


def _matches(expected: Json, found: Json) -> bool:
    if isinstance(expected, type):
        return isinstance(found, expected)
    if isinstance(expected, re.Pattern):
        return isinstance(found, str) and expected.fullmatch(found) is not None
    return type(expected) is type(found) and expected == found


def _short(value: Json) -> str:
    if isinstance(value, re.Pattern):
        return f"a text like {value.pattern}"
    text = value.__name__ if isinstance(value, type) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= WIDTH else text[:WIDTH] + "…"
