"""The collection for Bruno, `fotapool openapi --format bruno`: it sends what the `.http` file sends.

That the emulator accepts those requests is tested with the `.http` file.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from fotapool.app import build_openapi_document
from fotapool.cli.main import main
from fotapool.web.openapi.http_file import FILE_FIELD, FILE_NAME, Request, requests_of

Blocks = dict[str, list[str]]


def blocks_of(text: str) -> Blocks:
    """The lines of each block; Bruno indents them by two spaces."""
    found: Blocks = {}
    name = None
    for line in text.splitlines():
        if name is None and line.endswith(" {"):
            name = line.removesuffix(" {")
            found[name] = []
        elif line == "}":
            name = None
        elif name is not None:
            assert line.startswith("  ")
            found[name].append(line[2:])
        else:
            assert line == "", line
    return found


def pairs(lines: list[str]) -> dict[str, str]:
    return dict(re.split(": ?", line, maxsplit=1) for line in lines)


def renamed(text: str) -> str:
    """The text of an .http file with the names that its variables have in Bruno."""
    text = re.sub(r"\{\{\$datetime 'YYYY-MM-DD' (\d+) d\}\}", r"{{inDays\1}}", text)
    text = text.replace(".response.body.*", "")

    def name(found: re.Match[str]) -> str:
        return "{{" + "_".join(re.findall(r"\w+", found[1].replace(".response.body", ""))) + "}}"

    return re.sub(r"\{\{([\w.\[\]]+)\}\}", name, text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bruno") / "collection"
    done = CliRunner().invoke(main, ["openapi", "--format", "bruno", "--out", str(out)])
    assert (done.exit_code, done.output) == (0, "")
    return out


@pytest.fixture(scope="module")
def files(folder: Path) -> dict[str, Blocks]:
    """The blocks of each request, in the order of their numbers."""
    found = {path.stem: blocks_of(path.read_text()) for path in folder.glob("*.bru") if path.stem != "collection"}
    return dict(sorted(found.items(), key=lambda one: int(pairs(one[1]["meta"])["seq"])))


REQUESTS = requests_of(build_openapi_document(True))


def test_every_operation_is_there_in_the_same_order(files: dict[str, Blocks]) -> None:
    assert list(files) == [one.name for one in REQUESTS]
    assert [int(pairs(one["meta"])["seq"]) for one in files.values()] == list(range(1, len(REQUESTS) + 1))


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: one.name)
def test_a_request_is_that_of_the_http_file(request_: Request, files: dict[str, Blocks], folder: Path) -> None:
    blocks = files[request_.name]
    call = pairs(blocks[request_.method.lower()])
    assert call["url"] == "{{host}}" + renamed(request_.target)
    headers = pairs(blocks.get("headers", []))
    expected = {name: renamed(value) for name, value in request_.headers}
    if expected.get("Authorization") == "Basic {{client}}":
        del expected["Authorization"]
        assert call["auth"] == "basic"
        assert pairs(blocks["auth:basic"]) == {"username": "{{clientKey}}", "password": "{{clientSecret}}"}
    if call["body"] == "text":
        expected["Content-Type"] = str(request_.media_type)
    assert headers == expected
    check_body(request_, blocks, call["body"])


def check_body(request: Request, blocks: Blocks, kind: str) -> None:
    body = json.loads(renamed(json.dumps(request.body)))
    if request.media_type is None:
        assert kind == "none"
    elif request.media_type == "application/json":
        text = "\n".join(blocks["body:json"])
        assert (text if isinstance(body, str) else json.loads(text)) == body
    elif request.media_type == "multipart/form-data":
        assert pairs(blocks["body:multipart-form"]) == {**body, FILE_FIELD: f"@file({FILE_NAME})"}
    elif request.media_type == "application/x-www-form-urlencoded":
        assert pairs(blocks["body:form-urlencoded"]) == body
    else:
        assert blocks["body:text"] == [body]


def test_every_variable_has_a_value_before_it_is_used(files: dict[str, Blocks], folder: Path) -> None:
    known = set(pairs(blocks_of((folder / "environments/demo.bru").read_text())["vars"]))
    days = blocks_of((folder / "collection.bru").read_text())["script:pre-request"][0]
    known |= {f"inDays{day}" for day in re.findall(r"\d+", days)}
    for name, blocks in files.items():
        kept = blocks.pop("vars:post-response", [])
        used = set(re.findall(r"\{\{(\w+)\}\}", json.dumps(blocks)))
        assert used <= known, f"{name} uses {used - known}"
        known |= set(pairs(kept))
    assert json.loads((folder / "bruno.json").read_text())["type"] == "collection"
    assert (folder / FILE_NAME).exists()


def test_the_folder_is_needed_and_nothing_is_overwritten(folder: Path, tmp_path: Path) -> None:
    for arguments, error in (
        (["--format", "bruno"], "--format bruno needs --out"),
        (["--out", str(tmp_path)], "--format bruno needs --out, and only it"),
        (["--format", "bruno", "--out", str(folder)], "is not empty"),
    ):
        done = CliRunner().invoke(main, ["openapi", *arguments])
        assert done.exit_code == 2
        assert error in re.sub(r"\s+", " ", done.output)
    done = CliRunner().invoke(main, ["openapi", "--format", "bruno", "--out", str(tmp_path), "--production"])
    assert done.exit_code == 0
    assert not (tmp_path / "control_read_clock.bru").exists()
