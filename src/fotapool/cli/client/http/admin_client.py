"""The operator plane, `/control/v1`: calls with the operator key, and lists page by page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import msgspec
from httpx_retries import Retry

from fotapool.cli.client.failures import RequestFailed
from fotapool.cli.client.http.calls import ONCE, REPEATABLE, error_words, network_errors, open_client, parse_response
from fotapool.cli.client.http.target import Target

BASE = "/control/v1"
PAGE = 1000
MAX_PAGES = 100_000


class AdminClient:
    """Calls below /control/v1."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._http = open_client(target)
        self._key = ""

    def __enter__(self) -> AdminClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(self, method: str, path: str, body: Any = None, query: Any = None) -> Any:
        """The JSON of the answer. A POST, which may create something, is not sent again when its answer was lost."""
        content = None if body is None else msgspec.json.encode(body)
        return parse_response(
            self.send(
                method=method, path=path, content=content, query=query, retry=ONCE if method == "POST" else REPEATABLE
            )
        )

    def send(
        self,
        method: str,
        path: str,
        content: bytes | Iterable[bytes] | None = None,
        query: Any = None,
        retry: Retry = REPEATABLE,
        kind: str = "application/json",
        accept: str = "application/json",
    ) -> httpx.Response:
        """The answer, whatever its status. Raises Unreachable, and RequestRejected for the key."""
        headers = {"Authorization": f"Bearer {self._get_key()}", "Accept": accept}
        if content is not None:
            headers["Content-Type"] = kind
        with network_errors(self.target):
            response = self._http.request(
                method, BASE + path, content=content, params=query, headers=headers, extensions={"retry": retry}
            )
        if response.status_code in (401, 403):
            raise self._wrong_key(response)
        return response

    def download(self, path: str, query: Any, accept: str) -> Iterator[str]:
        """The lines of a text, as they come."""
        headers = {"Authorization": f"Bearer {self._get_key()}", "Accept": accept}
        with (
            network_errors(self.target),
            self._http.stream("GET", BASE + path, params=query, headers=headers) as response,
        ):
            if response.status_code >= 400:
                response.read()
                parse_response(response)
            yield from response.iter_lines()

    def _get_key(self) -> str:
        self._key = self._key or self.target.secret("operator-key")
        return self._key

    def _wrong_key(self, response: httpx.Response) -> RequestFailed:
        where = self.target.words
        if response.status_code == 403:
            return RequestFailed(f"{where}: {error_words(response)}", "Use the key of an operator who may.", 403)
        return RequestFailed(
            f"{where} does not know the operator key",
            "Set FOTAPOOL_OPERATOR_KEY to the key that the server was started with, or keep it in a profile.",
            401,
        )

    def pages(self, path: str, member: str, cursor: str, **query: Any) -> Iterator[dict[str, Any]]:
        """The rows of a list that goes on after the row member `cursor` of its last row."""
        given = {name: value for name, value in query.items() if value is not None}
        for _ in range(MAX_PAGES):
            page = self.call("GET", path, query={"limit": PAGE, **given})
            rows = page[member]
            yield from rows
            if not page["hasMoreData"] or not rows:
                return
            last = rows[-1][cursor]
            given["after"] = str(int(last)) if cursor == "deviceId" else str(last)
