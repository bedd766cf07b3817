"""Client of the operator API, `/control/v1`: requests with the operator key, and lists read page by page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import msgspec
from httpx_retries import Retry

from fotapool.cli.client.failures import RequestFailed
from fotapool.cli.client.http.calls import (
    MAX_PAGES,
    NO_RETRY,
    RETRY_BUSY,
    RETRY_IDEMPOTENT,
    Client,
    error_message,
    network_errors,
    parse_response,
    request_error,
)
from fotapool.cli.client.http.target import Target

BASE = "/control/v1"
PAGE = 1000
JSON = "application/json"


class AdminClient(Client):
    """Sends requests below /control/v1."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._key = ""

    def call(self, method: str, path: str, body: Any = None, query: Any = None, if_match: str | None = None) -> Any:
        """The JSON of the response. `if_match` is the mark of what the change is based on.

        A POST may create something, and a change with a mark can be made once: they are not retried after a lost
        response.
        """
        content = None if body is None else msgspec.json.encode(body)
        retry = RETRY_BUSY if method == "POST" or if_match is not None else RETRY_IDEMPOTENT
        return parse_response(
            self.send(method=method, path=path, content=content, query=query, retry=retry, if_match=if_match)
        )

    def upload(self, path: str, content: Iterable[bytes], content_type: str, method: str = "POST") -> Any:
        """Sends a stream, without retries; returns the JSON of the response."""
        return parse_response(
            self.send(method=method, path=path, content=content, content_type=content_type, retry=NO_RETRY)
        )

    def send(
        self,
        method: str,
        path: str,
        content: bytes | Iterable[bytes] | None = None,
        query: Any = None,
        retry: Retry = RETRY_IDEMPOTENT,
        content_type: str = JSON,
        accept: str = JSON,
        if_match: str | None = None,
    ) -> httpx.Response:
        """The successful response. Raises Unreachable or RequestFailed."""
        headers = self._headers(accept) | ({} if content is None else {"Content-Type": content_type})
        if if_match is not None:
            headers["If-Match"] = f'"{if_match}"'
        with network_errors(self.target):
            response = self._http.request(
                method, BASE + path, content=content, params=query, headers=headers, extensions={"retry": retry}
            )
        if response.status_code in (401, 403):
            raise self._key_error(response)
        if response.status_code >= 400:
            raise request_error(response)
        return response

    def download(self, path: str, query: Any, accept: str) -> Iterator[str]:
        """The lines of a text, as they arrive."""
        headers = self._headers(accept)
        with (
            network_errors(self.target),
            self._http.stream("GET", BASE + path, params=query, headers=headers) as response,
        ):
            if response.status_code >= 400:
                response.read()
                raise request_error(response)
            yield from response.iter_lines()

    def pages(self, path: str, member: str, cursor: str, **query: Any) -> Iterator[dict[str, Any]]:
        """The rows of a list. The next page starts after the value of `cursor` in the last row."""
        given = {name: value for name, value in query.items() if value is not None}
        for _ in range(MAX_PAGES):
            page = self.call("GET", path, query={"limit": PAGE, **given})
            rows = page[member]
            yield from rows
            if not page["hasMoreData"] or not rows:
                return
            last = rows[-1][cursor]
            given["after"] = str(int(last)) if cursor == "deviceId" else str(last)

    def _headers(self, accept: str) -> dict[str, str]:
        self._key = self._key or self.target.operator_key()
        return {"Authorization": f"Bearer {self._key}", "Accept": accept}

    def _key_error(self, response: httpx.Response) -> RequestFailed:
        if response.status_code == 403:
            return RequestFailed(
                f"{self.target.label}: {error_message(response)}", "Use the key of an operator with that role.", 403
            )
        return RequestFailed(
            f"{self.target.label} rejected the operator key",
            "Set FOTAPOOL_OPERATOR_KEY to the key that the server was started with, or store it in a profile.",
            401,
        )
