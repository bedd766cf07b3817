"""Which documented operation a request is: its number, and what the parts of its path are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import unquote

from fotapool.api.v1 import routes as v1
from fotapool.api.v2 import routes as v2
from fotapool.api.v3 import routes as v3
from fotapool.emulator.paths import SIGN_IN

_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Named:
    """The operation's number (V2-3, or `sign-in`), its name, and the path's parameters; all empty if it is none."""

    id: str = ""
    name: str = ""
    template: str = ""
    parameters: dict[str, str] = field(default_factory=dict)

    def title(self, method: str, path: str) -> str:
        return f"{self.id} {self.name}  {method} {self.template}" if self.id else f"{method} {path}"


@cache
def _templates() -> Sequence[tuple[str, re.Pattern[str], Named]]:
    """All of them, those with fewer parameters first."""
    found = [
        (operation.method, dialect.BASE + path, Named(operation.id, operation.name, dialect.BASE + path))
        for dialect in (v1, v2, v3)
        for operation in dialect.OPERATIONS
        for path in operation.paths
    ]
    found += [(method, path, Named("sign-in", name, path)) for method, path, name in SIGN_IN]
    found.sort(key=lambda one: one[1].count("{"))
    return [(method, re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", path)), named) for method, path, named in found]


def find_operation(method: str, path: str) -> Named:
    """Of the path as it is sent; with a method that the path does not take it has parameters, but no name."""
    path = re.sub("/+", "/", path)
    other = Named()
    for wanted, pattern, named in _templates():
        match = pattern.fullmatch(path)
        if match:
            parameters = {name: unquote(text) for name, text in match.groupdict().items()}
            if wanted == method:
                return Named(named.id, named.name, named.template, parameters)
            other = Named("", "", named.template, parameters)
    return other
