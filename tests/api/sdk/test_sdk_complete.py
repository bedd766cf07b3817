"""Every method that the vendor's Python SDK has for these APIs is served, and a test here calls it."""

from __future__ import annotations

import ast
import csv
import inspect
from collections.abc import Iterator
from pathlib import Path

from api.sdk.test_sdk import sdk
from fotapool.api.v1 import routes as v1
from fotapool.api.v2 import routes as v2
from fotapool.api.v3 import routes as v3

ROOT = Path(__file__).parents[3]
SESSIONS = {
    f"session_management.{method}_connectivity_management_{what}"
    for method, what in (("start", "session"), ("end", "session"), ("reset", "password"))
}


def _operations() -> set[str]:
    """The 71 of the list, as controller.method."""
    with (ROOT / "docs/coverage.tsv").open(encoding="utf-8", newline="") as file:
        next(file)
        return {row["sdk"] for row in csv.DictReader(file, delimiter="\t")}


CONTROLLERS = {name.partition(".")[0] for name in _operations() | SESSIONS}


def _controller(value: ast.expr) -> str | None:
    """The controller that an expression such as `client.firmware_v1` stands for."""
    return value.attr if isinstance(value, ast.Attribute) and value.attr in CONTROLLERS else None


def _names(function: ast.FunctionDef) -> dict[str, str]:
    """The variables of a test that hold a controller."""
    found: dict[str, str] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            pairs = [(target, value)]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                pairs = list(zip(target.elts, value.elts, strict=True))
            for name, held in pairs:
                controller = _controller(held)
                if isinstance(name, ast.Name) and controller:
                    assert found.setdefault(name.id, controller) == controller, "one name, one controller"
    return found


def _uses(function: ast.FunctionDef) -> Iterator[str]:
    names = _names(function)
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute):
            held = node.value
            controller = names.get(held.id) if isinstance(held, ast.Name) else _controller(held)
            if controller:
                yield f"{controller}.{node.attr}"


def _called() -> set[str]:
    """What the tests of the SDK use, as controller.method."""
    return {
        used
        for path in Path(__file__).parent.glob("test_sdk*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        for used in _uses(node)
    }


def test_every_method_of_the_sdk_is_called_by_a_test() -> None:
    assert len(_operations()) == 71
    assert _called() == _operations() | SESSIONS


def test_every_method_of_the_sdk_is_served() -> None:
    client = sdk("http://nowhere")
    offered = {
        f"{controller}.{method}"
        for controller in CONTROLLERS - {"session_management"}
        for method, function in vars(type(getattr(client, controller))).items()
        if inspect.isfunction(function) and not method.startswith("_")
    }
    served = [operation.sdk for version in (v1, v2, v3) for operation in version.OPERATIONS]
    assert offered == set(served) == _operations()
    assert len(served) == 71, "each is served once"
