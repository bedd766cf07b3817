"""The requests that the code under test has sent, with assertions about them."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, overload

from fotapool.testing.control import USER_AGENT, Control

PAGE = 1000
MAX_PAGES = 1000
PREFIXES = ("/api/fota", "/api")
"""What a pattern may leave out at the beginning of a path."""


@dataclass(frozen=True)
class SentRequest:
    """A request and its answer, as the emulator recorded them; secrets are `***`."""

    method: str
    path: str
    """With its query."""
    status: int | None
    """The HTTP status; None if a fault left the request without an answer."""
    body: str
    answer: str
    headers: dict[str, str]
    """Names in lower case."""
    hints: list[str]
    time: str
    request_id: str
    account: str | None

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def answer_json(self) -> Any:
        """The answer's body."""
        return json.loads(self.answer)

    @property
    def is_refused(self) -> bool:
        return self.status is None or self.status >= 400

    def __str__(self) -> str:
        hints = "".join(f"\n    hint {hint}" for hint in self.hints)
        return f"{self.method} {self.path}  {self.status or 'no answer'}{hints}"


class Requests(Sequence[SentRequest]):
    """Requests in the order of their arrival; those of the fixture itself (`call`, `assign`, …) are left out."""

    def __init__(self, found: Iterable[SentRequest], wanted: str = "request") -> None:
        self._found = list(found)
        self._wanted = wanted

    @overload
    def __getitem__(self, place: int) -> SentRequest: ...

    @overload
    def __getitem__(self, place: slice) -> list[SentRequest]: ...

    def __getitem__(self, place: int | slice) -> SentRequest | list[SentRequest]:
        return self._found[place]

    def __len__(self) -> int:
        return len(self._found)

    def to(self, path: str, method: str | None = None) -> Requests:
        """The requests to this path, without its query. `*` matches any part, and `/api/fota` may be left out."""
        found = (one for one in self._found if method in (None, one.method) and _matches(path, one.path))
        return Requests(found, f"{method or 'request'} to {path}")

    @property
    def refused(self) -> Requests:
        """The requests with a status from 400, or without an answer."""
        return Requests((one for one in self._found if one.is_refused), f"refused {self._wanted}")

    @property
    def last(self) -> SentRequest:
        """The latest. Raises AssertionError if there is none."""
        self.assert_called()
        return self._found[-1]

    @property
    def called(self) -> bool:
        return bool(self._found)

    @property
    def call_count(self) -> int:
        return len(self._found)

    def assert_called(self) -> None:
        __tracebackhide__ = True
        if not self._found:
            raise AssertionError(f"expected a {self._wanted}; there was none")

    def assert_called_once(self) -> None:
        __tracebackhide__ = True
        self.assert_call_count(1)

    def assert_not_called(self) -> None:
        __tracebackhide__ = True
        self.assert_call_count(0)

    def assert_call_count(self, count: int) -> None:
        """Raises AssertionError with the requests that there were."""
        __tracebackhide__ = True
        if len(self._found) != count:
            lines = [f"expected {self._wanted}: {count}, found {len(self._found)}"]
            raise AssertionError("\n  ".join([*lines, *map(str, self._found)]))


def read_requests(control: Control, **filters: str) -> list[SentRequest]:
    """The recorded requests that the operation's filters select. Raises ControlFailed if the server records none."""
    selected = "".join(f"&{name}={value}" for name, value in filters.items())
    rows: list[dict[str, Any]] = []
    for _ in range(MAX_PAGES):
        after = rows[-1]["number"] if rows else 0
        page = control.call("GET", f"/requests?limit={PAGE}&after={after}{selected}")
        rows += page["requests"]
        if not page["hasMoreData"]:
            break
    names = {"requestId": "request_id"}
    members = SentRequest.__dataclass_fields__
    return [SentRequest(**{names.get(k, k): v for k, v in row.items() if names.get(k, k) in members}) for row in rows]


def sent_by_code_under_test(found: Iterable[SentRequest]) -> Iterable[SentRequest]:
    return (one for one in found if one.headers.get("user-agent") != USER_AGENT)


def _matches(pattern: str, path: str) -> bool:
    plain = path.partition("?")[0]
    forms = [plain, *(plain.removeprefix(prefix) for prefix in PREFIXES)]
    return any(fnmatch.fnmatchcase(form, pattern) for form in forms)
