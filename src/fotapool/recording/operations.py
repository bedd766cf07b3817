"""Finds the documented operation of a request: its number, name and path parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from urllib.parse import unquote

import msgspec

from fotapool.api.v1 import routes as v1
from fotapool.api.v2 import routes as v2
from fotapool.api.v3 import routes as v3
from fotapool.emulator.paths import SIGN_IN

_PARAMETER = re.compile(r"\{(\w+)\}")


class NamedOperation(msgspec.Struct, frozen=True):
    """Number (V2-3, or `sign-in`), name, and path parameters; all empty for no documented operation."""

    id: str = ""
    name: str = ""
    template: str = ""
    parameters: dict[str, str] = msgspec.field(default_factory=dict)

    def title(self, method: str, path: str) -> str:
        return f"{self.id} {self.name}  {method} {self.template}" if self.id else f"{method} {path}"


@cache
def _templates() -> Sequence[tuple[str, re.Pattern[str], NamedOperation]]:
    """All operations, those with fewer parameters first."""
    found = [
        (operation.method, version.BASE + path, NamedOperation(operation.id, operation.name, version.BASE + path))
        for version in (v1, v2, v3)
        for operation in version.OPERATIONS
        for path in operation.paths
    ]
    found += [(method, path, NamedOperation("sign-in", name, path)) for method, path, name in SIGN_IN]
    found.sort(key=lambda one: one[1].count("{"))
    return [(method, re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", path)), named) for method, path, named in found]


def find_operation(method: str, path: str) -> NamedOperation:
    """Finds it by the path as sent. With a method that the path does not take, it has parameters but no name."""
    path = re.sub("/+", "/", path)
    other = NamedOperation()
    for wanted, pattern, named in _templates():
        match = pattern.fullmatch(path)
        if match:
            parameters = {name: unquote(text) for name, text in match.groupdict().items()}
            if wanted == method:
                return NamedOperation(named.id, named.name, named.template, parameters)
            other = NamedOperation("", "", named.template, parameters)
    return other
