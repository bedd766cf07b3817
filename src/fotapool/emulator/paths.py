"""Finds the documented path that a wrong path was meant to be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

SIGN_IN = (
    ("POST", "/api/ts/v1/oauth2/token", "token"),
    ("POST", "/api/ts/v1/oauth2/revoke", "revoke"),
    ("POST", "/api/m2m/v1/session/login", "login"),
    ("POST", "/api/m2m/v1/session/logout", "logout"),
    ("PUT", "/api/m2m/v1/session/password/actions/reset", "reset_password"),
)
"""Method, path and name of the operations for signing in."""
TOKEN_PATH, REVOKE_PATH, LOGIN_PATH = SIGN_IN[0][1], SIGN_IN[1][1], SIGN_IN[2][1]

CONNECTIVITY_BASE = "/api/m2m/"
NOT_EMULATED = (
    "This operation of the Connectivity Management API is not emulated. Of /api/m2m, sessions, the list of devices, the"
    " account and callback registrations are (docs/reference/operations.md)."
)
Template = tuple[str, str]
"""Method and path, with parameters as in {account}."""

SIMILAR = 0.75
"""From which ratio on (0 to 1) two segments of a path count as similar."""
MAX_PATH_CHARACTERS = 300
"""Longer paths are not compared."""
ACCOUNT_PARAMETER = "{account}"
_PARAMETER = re.compile(r"\{\w+\}")
KNOWN_VERSIONS = ("v1", "v2", "v3")
_LIKE_VERSION = re.compile(r"v?[0-9][0-9.]*", re.IGNORECASE)


def allowed_methods(path: str, templates: Sequence[Template]) -> list[str]:
    """The methods that the path takes; none if the API has no such path."""
    return sorted({method for method, template in templates if _pattern(template).fullmatch(path)})


def account_in(path: str, templates: Sequence[Template]) -> str:
    """The account in the path; "" without one."""
    for _, template in templates:
        if ACCOUNT_PARAMETER in template and (match := _pattern(template).fullmatch(path)):
            return match[_PARAMETER.findall(template).index(ACCOUNT_PARAMETER) + 1]
    return ""


def suggest(method: str, path: str, templates: Sequence[Template]) -> str | None:
    """Returns a hint at the path to call instead of one that the API lacks; None without one that is sure."""
    if len(path) > MAX_PATH_CHARACTERS:
        return None
    if path.endswith("/") and allowed_methods(path.rstrip("/"), templates):
        return f"Leave out the slash at the end of the path: {path.rstrip('/')}."
    for base in ("/api", "/api/fota"):
        if not path.startswith("/api/") and allowed_methods(base + path, templates):
            return f"The path lacks {base} at its beginning: {base}{path}."
    for _, template in templates:
        match = _pattern(template, re.IGNORECASE).fullmatch(path)
        if match:
            return f"Paths are case-sensitive: send {_fill(template, match.groups())}."
    if hint := _version_hint(path):
        return hint
    if path.startswith(CONNECTIVITY_BASE):
        return NOT_EMULATED
    near = nearest(method, path, templates)
    return f"There is no such path. The nearest is {near}." if near else None


def _version_hint(path: str) -> str | None:
    if not path.startswith("/api/fota/"):
        return None
    version, _, rest = path.removeprefix("/api/fota/").partition("/")
    if version in KNOWN_VERSIONS:
        return None if rest else "This is the path of a version: append that of an operation."
    if version.lower() in KNOWN_VERSIONS:
        return f"Paths are case-sensitive: the version is {version.lower()}."
    if _LIKE_VERSION.fullmatch(version):
        number = version.lower().removeprefix("v")[:20]
        return f"There is no version {number} of the API: use /api/fota/v1, v2 or v3."
    return "The path lacks the version: /api/fota/v1, v2 or v3."


def _pattern(template: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile(_PARAMETER.sub("([^/]+)", template), flags)


def _fill(template: str, values: Sequence[str]) -> str:
    given = iter(values)
    return _PARAMETER.sub(lambda _: next(given), template)


def nearest(method: str, path: str, templates: Sequence[Template]) -> str | None:
    """The most similar path of the same API and version, preferably with the same method; or None."""
    segments = path.rstrip("/").split("/")
    ranked = [
        (_likeness(template.split("/"), segments), known_method == method, known_method, template)
        for known_method, template in templates
    ]
    likeness, _, best_method, best = max(ranked, default=(0.0, False, "", ""), key=lambda one: one[:2])
    return f"{best_method} {_with_parameters(best, segments)}" if likeness else None


def _with_parameters(template: str, segments: list[str]) -> str:
    """The template with the parameters that the path has in their places."""
    pairs = zip(template.split("/"), segments, strict=True)
    return "/".join(given if _PARAMETER.fullmatch(part) else part for part, given in pairs)


def _likeness(template: list[str], segments: list[str]) -> float:
    """The least ratio over the segments; 0 if one is below SIMILAR, or if API, version or length differ."""
    if template[:4] != segments[:4] or len(template) != len(segments):
        return 0
    ratios = [
        difflib.SequenceMatcher(None, wanted, given).ratio()
        for wanted, given in zip(template, segments, strict=True)
        if not _PARAMETER.fullmatch(wanted)
    ]
    return min(ratios) if min(ratios) >= SIMILAR else 0
