"""The collection of requests, `fotapool openapi --format http`: it has every operation, and the emulator accepts it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from click.testing import CliRunner

from fotapool.app import build_openapi_document
from fotapool.cli.main import main

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
NOT_ACCEPTED = {
    "device_download": 404,  # no campaign of a device has begun
    "device_report_status": 404,
    "control_retry_listener": 404,  # the first listener is a service that is never called
    "control_undo_reduction": 409,  # the change took no license
    "control_end_session": 404,  # the user has logged out before
    "control_retire_start_key": 409,  # nobody else is an admin
}
"""Requests that the emulator refuses with the seed."""


@dataclass
class Request:
    name: str
    method: str
    url: str
    headers: dict[str, str]
    body: str


def collection(*options: str) -> tuple[dict[str, str], list[Request]]:
    """The variables and the requests."""
    done = CliRunner().invoke(main, ["openapi", "--format", "http", *options])
    assert done.exit_code == 0
    head, *blocks = re.split(r"^### .*\n", done.output, flags=re.MULTILINE)
    return dict(re.findall(r"^@(\w+) = (.*)$", head, re.MULTILINE)), [read_request(block) for block in blocks]


def read_request(block: str) -> Request:
    head, _, body = block.partition("\n\n")
    name, line, *headers = head.splitlines()
    method, _, url = line.partition(" ")
    pairs = dict(one.split(": ", 1) for one in headers)
    return Request(name.removeprefix("# @name "), method, url, pairs, body.strip())


class Sender:
    """Sends requests one after the other, as an editor does."""

    def __init__(self, client: httpx.Client, variables: dict[str, str]) -> None:
        self.client = client
        self.variables = variables
        self.answers: dict[str, Any] = {}

    def __call__(self, request: Request) -> httpx.Response:
        headers = {name: self.fill(value) for name, value in request.headers.items()}
        scheme, _, pair = headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        body = self.fill(request.body)
        if "multipart" in headers.get("Content-Type", ""):
            body = body.replace("\n", "\r\n") + "\r\n"
        url = self.fill(request.url)
        response = self.client.request(request.method, url, headers=headers, content=body or None)
        if response.headers.get("content-type", "") in ("application/json", "application/json; charset=utf-8"):
            self.answers[request.name] = response.json()
        return response

    def fill(self, text: str) -> str:
        return re.sub(r"\{\{(.*?)\}\}", lambda match: self.value(match[1]), text)

    def value(self, name: str) -> str:
        if name in self.variables:
            return self.variables[name]
        if dated := re.fullmatch(r"\$datetime 'YYYY-MM-DD' (\d+) d", name):
            return f"{NOW + timedelta(days=int(dated[1])):%Y-%m-%d}"
        operation, _, path = name.partition(".response.body.")
        found = self.answers.get(operation, {})
        if path == "*":
            return json.dumps(found)
        for step in re.findall(r"\w+", path):
            try:
                found = found[int(step)] if step.isdigit() else found[step]
            except (KeyError, IndexError, TypeError):
                return "missing"
        return str(found)


def names(document: dict[str, Any]) -> Iterator[str]:
    for methods in document["paths"].values():
        for operation in methods.values():
            yield operation["operationId"]


def test_every_operation_is_in_the_collection_once() -> None:
    for options, emulator in (((), True), (("--production",), False)):
        _, requests = collection(*options)
        assert sorted(one.name for one in requests) == sorted(names(build_openapi_document(emulator)))


def test_the_emulator_accepts_each_request_with_the_built_in_seed(server_process: Callable[..., Any]) -> None:
    variables, requests = collection()
    refused = {}
    with (
        server_process("emulate", "--seed", "demo", "--clock", NOW.isoformat()) as (address, _),
        httpx.Client(timeout=120) as client,
    ):
        send = Sender(client, {**variables, "host": address, "receiver": "http://127.0.0.1:1/fota"})
        for request in requests:
            response = send(request)
            if response.status_code >= 400:
                refused[request.name] = response.status_code
                assert request.name in NOT_ACCEPTED, f"{request.name}: {response.text}"
    assert refused == NOT_ACCEPTED
