"""Alternatives measured in the same rounds: Prism (a mock with canned responses) and moto's server (with state)."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.scenarios.assign import CONNECTIONS, Scale, of_one
from bench.support.databases import Store
from bench.support.pools import FIRST_DEVICE, Account, build
from bench.support.processes import Failed, Server, free_port, load, running, serving, wait_for_port
from bench.support.report import Report, alternate, ratios

PRISM = "@stoplight/prism-cli"
MOTO = "moto[server]"
INSTALL_WITHIN_S = 300
MAX_SECONDS = 4.0
"""Time limit of a lane: moto handles a few hundred requests a second."""

_EXAMPLE = {
    "accountName": "bench-one",
    "licCount": 9000,
    "licTotalCount": 9000,
    "licUsedCount": 1000,
    "deviceList": [
        {
            "deviceId": "350000000000000",
            "status": "LicenseAssignSuccess",
            "Reason": "Success",
            "resultReason": "Success",
        }
    ],
}
_STRING = {"type": "string"}


def prism_document() -> dict[str, object]:
    """The assign call as an OpenAPI document with an example, which Prism returns as it is."""
    devices = {"type": "array", "items": _STRING}
    body = {"type": "object", "required": ["deviceList"], "properties": {"deviceList": devices}}
    answer = {"application/json": {"schema": {"type": "object"}, "example": _EXAMPLE}}
    operation = {
        "parameters": [
            {"name": "account", "in": "path", "required": True, "schema": _STRING},
            {"name": "VZ-M2M-Token", "in": "header", "required": True, "schema": _STRING},
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": {"description": "assigned", "content": answer}},
        "security": [{"bearer": []}],
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": "assign", "version": "1"},
        "paths": {"/api/fota/v3/licenses/{account}/assign": {"post": operation}},
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    }


def _install(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_WITHIN_S)
    except FileNotFoundError as error:
        raise Failed(f"{command[0]} is not here") from error
    except subprocess.TimeoutExpired as error:
        raise Failed(f"the installation took more than {INSTALL_WITHIN_S} s") from error
    except subprocess.CalledProcessError as error:
        raise Failed(f"the installation failed: {(error.stderr or error.stdout).strip()[-300:]}") from error


def _prism(directory: Path) -> contextlib.AbstractContextManager[Server]:
    """Installs Prism and starts it with one process and without logs, its fastest configuration."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        raise Failed("npm and node are not here")
    _install([npm, "install", "--prefix", str(directory), "--no-audit", "--no-fund", "--silent", PRISM])
    document = directory / "openapi.json"
    document.write_text(json.dumps(prism_document()))
    port = free_port()
    program = directory / "node_modules" / PRISM / "dist" / "index.js"
    options = ["mock", "--port", str(port), "--verboseLevel", "silent", str(document)]
    return running([node, str(program), *options], wait_for_port(port))


def installed_moto(directory: Path) -> str:
    """Installs moto into a virtual environment; returns the path of its Python. Raises Failed."""
    _install([sys.executable, "-m", "venv", str(directory)])
    python = str(directory / "bin" / "python")
    _install([python, "-m", "pip", "install", "--quiet", MOTO])
    return python


def _moto(directory: Path) -> contextlib.AbstractContextManager[Server]:
    python = installed_moto(directory)
    port = free_port()
    return running([python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], wait_for_port(port))


def _things() -> Iterator[bytes]:
    """Requests that each create one IoT thing, signed as by an AWS client."""
    credential = "Credential=bench/20260101/us-east-1/iot/aws4_request"
    signature = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host;x-amz-date, Signature=0"
    for number in itertools.count():
        yield (
            f"POST /things/device-{number} HTTP/1.1\r\nHost: iot.us-east-1.amazonaws.com\r\n"
            f"X-Amz-Date: 20260101T000000Z\r\nAuthorization: {signature}\r\n"
            "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        ).encode()


def _lane(server: Server, requests: Iterator[bytes], count: int) -> Callable[[], float]:
    def measure() -> float:
        return load(server.port, list(itertools.islice(requests, count)), CONNECTIONS, MAX_SECONDS).rate

    return measure


def measure_alternatives(report: Report, store: Store, scale: Scale, directory: Path) -> None:
    """(e) Assigning one device per request, compared with Prism's canned response and moto's creation of a thing."""
    count = scale.small_requests
    account = Account("bench-one", FIRST_DEVICE, 0, (scale.rounds + 1) * count)
    url = build(store, [account])
    with contextlib.ExitStack() as stack:
        served = stack.enter_context(serving(url))
        lanes = {"fotapool": _lane(served, of_one(account), count)}
        for name, start, requests in (("prism", _prism, itertools.cycle(of_one(account))), ("moto", _moto, _things())):
            place = directory / name
            place.mkdir()
            try:
                server = stack.enter_context(start(place))
                lane = _lane(server, requests, count)
                lane()
            except Failed as error:
                report.note(f"{name} is not available: {error}")
            else:
                lanes[name] = lane
                stack.callback(_report_memory, report, name, server)
        rates = alternate(scale.rounds, lanes)
        _report(report, store.kind, rates)
    store.drop(url)


def _report_memory(report: Report, name: str, server: Server) -> None:
    report.add_rounds(section="e", database="", name=f"{name}, resident memory", values=[server.peak_mib], unit="MiB")


def _report(report: Report, kind: str, rates: dict[str, list[float]]) -> None:
    report.add_rounds(
        section="e", database=kind, name="assign 1 device, one account", values=rates["fotapool"], unit="req/s"
    )
    if "prism" in rates:
        report.add_rounds(
            section="e",
            database="",
            name="Prism, canned answer to the same request",
            values=rates["prism"],
            unit="req/s",
        )
        against = ratios(rates["fotapool"], rates["prism"])
        report.add_rounds("e", kind, "assign as a multiple of Prism", against, at_least=2.0)
    if "moto" in rates:
        report.add_rounds(
            section="e", database="", name="moto, creating an IoT thing", values=rates["moto"], unit="req/s"
        )
        report.add_rounds("e", kind, "assign as a multiple of moto", ratios(rates["fotapool"], rates["moto"]))
