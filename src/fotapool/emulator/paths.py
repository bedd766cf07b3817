"""Which documented path a wrong one was meant to be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

Template = tuple[str, str]
"""Method and path, with parameters as in {account}."""

SIMILAR = 0.6
MAX_PATH = 300
"""Longer paths are not compared, in characters."""
_PARAMETER = re.compile(r"\{\w+\}")


def suggest(method: str, path: str, templates: Sequence[Template]) -> str | None:
    """In words, what to call instead of a path that the service does not have; None if nothing is like it."""
    if len(path) > MAX_PATH:
        return None
    if len(path) > 1 and path.endswith("/") and _fitting(path.rstrip("/"), templates):
        return f"Leave out the slash at the end of the path: {path.rstrip('/')}."
    for base in ("/api", "/api/fota"):
        if not path.startswith("/api/") and _fitting(base + path, templates):
            return f"The path lacks {base} at its beginning: {base}{path}."
    version = re.match(r"/api/fota/v(\d+)/", path)
    if version and version[1] not in ("1", "2", "3"):
        return f"There is no version {version[1]} of the API: use /api/fota/v1, v2 or v3."
    if re.match(r"/api/fota/(?!v\d)", path):
        return "The path lacks the version: /api/fota/v1, v2 or v3."
    near = _nearest(method, path, templates)
    return f"There is no such path. The nearest is {near}." if near else None


def _fitting(path: str, templates: Sequence[Template]) -> bool:
    return any(re.fullmatch(_PARAMETER.sub("[^/]+", template), path) for _, template in templates)


def _nearest(method: str, path: str, templates: Sequence[Template]) -> str | None:
    """Compared by segments: one that a parameter stands for costs nothing."""
    best: tuple[float, bool, str] | None = None
    for known_method, template in templates:
        likeness = difflib.SequenceMatcher(None, _like(template, path), template).ratio()
        found = (likeness, known_method == method, f"{known_method} {template}")
        if likeness >= SIMILAR and (best is None or found[:2] > best[:2]):
            best = found
    return best[2] if best else None


def _like(template: str, path: str) -> str:
    """The path with the template's parameters in the places of what stands there."""
    wanted, given = template.split("/"), path.rstrip("/").split("/")
    filled = [
        one if _PARAMETER.fullmatch(one) and "".join(filter(str.isdigit, other)) else other
        for one, other in zip(wanted, given, strict=False)
    ]
    return "/".join([*filled, *given[len(filled) :]])
