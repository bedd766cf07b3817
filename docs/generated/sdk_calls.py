"""Finds which tests call which methods of the vendor's Python SDK, as controller.method."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def _held(value: ast.expr) -> str:
    """The controller that an expression such as `client.firmware_v1` stands for."""
    return value.attr if isinstance(value, ast.Attribute) else ""


def _pairs(statement: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    target, value = statement.targets[0], statement.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        yield from zip(target.elts, value.elts, strict=False)
    else:
        yield target, value


def _in_function(function: ast.AST) -> Iterator[str]:
    names = {
        target.id: _held(value)
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target, value in _pairs(node)
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute):
            controller = names.get(node.value.id, "") if isinstance(node.value, ast.Name) else _held(node.value)
            yield f"{controller}.{node.attr}"


def sdk_calls(directory: Path) -> dict[str, list[Path]]:
    """The files with tests of the SDK, by each controller.method that they name; with it, names of other things."""
    found: dict[str, list[Path]] = {}
    for path in sorted(directory.glob("test_sdk*.py")):
        functions = [
            node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
        ]
        for name in sorted({name for function in functions for name in _in_function(function)}):
            found.setdefault(name, []).append(path)
    return found
