"""A collection of requests for Bruno: the files of a folder, from the OpenAPI document.

Bruno has no references to earlier answers. So a request whose answer others need keeps the members in variables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fotapool.web.openapi.http_file import FILE_FIELD, FILE_NAME, FILE_TEXT, VARIABLES, Request, requests_of

_ANSWER = re.compile(r"\{\{(\w+)\.response\.body\.([\w.\[\]*]+)\}\}")
_DATE = re.compile(r"\{\{\$datetime 'YYYY-MM-DD' (\d+) d\}\}")
COLLECTION = {"version": "1", "name": "fotapool", "type": "collection"}
DAYS = """\
for (const days of [%s]) {
  bru.setVar(`inDays${days}`, new Date(Date.now() + days * 864e5).toISOString().slice(0, 10));
}"""


def bruno_files(document: dict[str, Any]) -> dict[str, str]:
    """The text of each file, by its path in the folder."""
    requests = requests_of(document)
    texts = [_request(place, one) for place, one in enumerate(requests, 1)]
    kept: dict[str, dict[str, str]] = {}
    for name, path in sorted({found for text in texts for found in _ANSWER.findall(text)}):
        kept.setdefault(name, {})[_variable(name, path)] = "res.body" if path == "*" else f"res.body.{path}"
    days = sorted({found for text in texts for found in _DATE.findall(text)})
    client, _, secret = VARIABLES["client"].partition(":")
    variables = {name: value for name, value in VARIABLES.items() if name != "client"}
    environment = {**variables, "clientKey": client, "clientSecret": secret}
    files = {
        "bruno.json": json.dumps(COLLECTION, indent=2) + "\n",
        "collection.bru": _block("script:pre-request", (DAYS % ", ".join(days)).split("\n")),
        "environments/demo.bru": _pairs("vars", environment),
        FILE_NAME: FILE_TEXT + "\n",
    }
    for one, text in zip(requests, texts, strict=True):
        keeping = "\n" + _pairs("vars:post-response", kept[one.name]) if one.name in kept else ""
        files[f"{one.name}.bru"] = _with_variables(text) + keeping
    return files


def _request(place: int, request: Request) -> str:
    """The text of the file, still with the references of an .http file."""
    kind = _kind(request.media_type)
    headers = {name: value for name, value in request.headers if value != "Basic {{client}}"}
    is_basic = len(headers) < len(request.headers)
    if kind == "text":
        headers["Content-Type"] = str(request.media_type)
    call = {"url": f"{{{{host}}}}{request.target}", "body": kind, "auth": "basic" if is_basic else "none"}
    blocks = [
        _pairs("meta", {"name": request.name, "type": "http", "seq": str(place)}),
        _pairs(request.method.lower(), call),
        _pairs("headers", headers) if headers else "",
        _pairs("auth:basic", {"username": "{{clientKey}}", "password": "{{clientSecret}}"}) if is_basic else "",
        _body(kind, request.body),
        _block("docs", [request.summary]),
    ]
    return "\n".join(block for block in blocks if block)


def _kind(media_type: str | None) -> str:
    """The body's kind, as Bruno names it."""
    if media_type is None:
        return "none"
    kinds = {"multipart/form-data": "multipartForm", "application/x-www-form-urlencoded": "formUrlEncoded"}
    return kinds.get(media_type, "json" if media_type.endswith("json") else "text")


def _body(kind: str, body: Any) -> str:
    if kind == "none":
        return ""
    if kind == "multipartForm":
        return _pairs("body:multipart-form", {**body, FILE_FIELD: f"@file({FILE_NAME})"})
    if kind == "formUrlEncoded":
        return _pairs("body:form-urlencoded", body)
    text = body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)
    return _block(f"body:{kind}", text.split("\n"))


def _pairs(name: str, pairs: Mapping[str, str]) -> str:
    return _block(name, [f"{key}: {value}" for key, value in pairs.items()])


def _block(name: str, lines: Iterable[str]) -> str:
    return "\n".join([f"{name} {{", *(f"  {line}" for line in lines), "}", ""])


def _variable(name: str, path: str) -> str:
    return name if path == "*" else "_".join([name, *re.findall(r"\w+", path)])


def _with_variables(text: str) -> str:
    text = _DATE.sub(r"{{inDays\1}}", text)
    return _ANSWER.sub(lambda found: f"{{{{{_variable(found[1], found[2])}}}}}", text)
