"""Types and models that generators make from the OpenAPI document accept every documented body.

The bodies are those of the collection of requests, and the published ones. No generator is downloaded by a test.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clients.node import MODULES, needs_node_modules
from fotapool.app import build_openapi_document
from fotapool.web.openapi.http_file import VARIABLES, requests_of

GOLDEN = Path(__file__).parents[1] / "api/golden"
PUBLISHED = {"s0_v1_remove_request": "V1_remove_licenses", "s1_v2_cancel_request": "V2_create_candidates"}
CLIENT = "fotapool_client"
CONFIGURATION = {"package_name_override": CLIENT, "post_hooks": []}
COMPILER = {
    "compilerOptions": {"strict": True, "exactOptionalPropertyTypes": True, "noEmit": True, "types": []},
    "files": ["bodies.ts"],
}
TIMEOUT_S = 300


@dataclass(frozen=True)
class Body:
    operation: str
    method: str
    path: str
    media_type: str
    value: Any


def filled(value: Any) -> Any:
    """The body, with texts for its variables."""
    text = re.sub(r"\{\{\$datetime .*?\}\}", "2026-03-02", json.dumps(value))
    return json.loads(re.sub(r"\{\{([\w.\[\]]+)\}\}", lambda found: VARIABLES.get(found[1], "text"), text))


def bodies(document: dict[str, Any]) -> Iterator[Body]:
    places = {
        operation["operationId"]: (method, path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    for request in requests_of(document):
        if request.media_type == "application/json" and not isinstance(request.body, str):
            yield Body(request.name, *places[request.name], request.media_type, filled(request.body))
    for file, operation in PUBLISHED.items():
        value = json.loads((GOLDEN / f"{file}.json").read_text(encoding="utf-8"))
        yield Body(operation, *places[operation], "application/json", value)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return build_openapi_document(True)


def test_all_operations_with_a_json_body_have_one_here(document: dict[str, Any]) -> None:
    described = {
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
        if next(iter(operation.get("requestBody", {}).get("content", {})), "") == "application/json"
    }
    assert {one.operation for one in bodies(document)} == described - {"control_restore_snapshot"}


@needs_node_modules
def test_the_types_of_openapi_typescript_accept_every_documented_body(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    lines = ["import type { paths } from './api';"]
    for number, one in enumerate(bodies(document)):
        request = f"paths[{json.dumps(one.path)}]['{one.method}']['requestBody']"
        kind = f"NonNullable<{request}>['content'][{json.dumps(one.media_type)}]"
        lines.append(f"export const {one.operation}_{number}: {kind} = {json.dumps(one.value)};")
    (tmp_path / "bodies.ts").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "tsconfig.json").write_text(json.dumps(COMPILER), encoding="utf-8")
    for program, *options in (["openapi-typescript", "openapi.json", "-o", "api.d.ts"], ["tsc"]):
        done = subprocess.run(
            [MODULES / ".bin" / program, *options], cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT_S
        )
        assert done.returncode == 0, done.stdout + done.stderr


def with_one_type(document: dict[str, Any]) -> dict[str, Any]:
    """The document without NDJSON and CSV, which the generator does not know."""
    copied: dict[str, Any] = json.loads(json.dumps(document))
    for methods in copied["paths"].values():
        for operation in methods.values():
            content = operation.get("requestBody", {}).get("content", {})
            for media_type in ("application/x-ndjson", "text/csv"):
                content.pop(media_type, None)
    return copied


@pytest.fixture(scope="module")
def client(document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A package that openapi-python-client has made."""
    directory = tmp_path_factory.mktemp("client")
    (directory / "openapi.json").write_text(json.dumps(with_one_type(document)), encoding="utf-8")
    (directory / "config.yaml").write_text(json.dumps(CONFIGURATION), encoding="utf-8")
    options = ("generate", "--path", "openapi.json", "--config", "config.yaml", "--meta", "none", "--fail-on-warning")
    done = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", *options, "--output-path", CLIENT],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(directory))
    yield directory
    sys.path.remove(str(directory))


def test_the_models_of_openapi_python_client_build_every_documented_body(
    document: dict[str, Any], client: Path
) -> None:
    modules = {path.stem.replace("_", ""): path for path in (client / CLIENT / "api").rglob("*.py")}
    for one in bodies(document):
        place = modules[one.operation.replace("_", "").lower()]
        module = importlib.import_module(".".join(place.relative_to(client).with_suffix("").parts))
        build = module._get_kwargs
        parameters = inspect.signature(build).parameters.values()
        needed = [each.name for each in parameters if each.default is each.empty and each.name != "body"]
        body = model(typing.get_type_hints(build)["body"], one.value)
        assert build(**dict.fromkeys(needed, "x"), body=body)["json"] == one.value, one.operation


def model(kind: Any, value: Any) -> Any:
    """The value as the generated class that a type hint names."""
    if hasattr(kind, "from_dict"):
        return kind.from_dict(value)
    if typing.get_origin(kind) is list:
        return [model(typing.get_args(kind)[0], part) for part in value]
    for choice in typing.get_args(kind):
        matches = typing.get_origin(choice) is list if isinstance(value, list) else hasattr(choice, "from_dict")
        if matches:
            return model(choice, value)
    return value
