"""Client of the documented API: signs in with both tokens, and renews them when they expire."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
from httpx_retries import Retry

from fotapool.cli.client.failures import RequestFailed, Unreachable
from fotapool.cli.client.http.calls import (
    MAX_PAGES,
    RETRY_BUSY,
    RETRY_IDEMPOTENT,
    Client,
    error_message,
    network_errors,
    parse_response,
    unexpected_response,
)
from fotapool.cli.client.http.target import Target

MAX_SIGN_INS = 3
"""How often one request is sent with new tokens."""
_SESSION_REFUSED = re.compile(r"session (token|has expired)", re.IGNORECASE)


class ApiClient(Client):
    """Sends requests below /api/fota. Signs in at the first one. Thread-safe."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._lock = threading.Lock()
        self._tokens: tuple[str, str] | None = None

    def call(self, method: str, path: str, body: Any = None, query: Any = None, retry: Retry = RETRY_IDEMPOTENT) -> Any:
        """The JSON of the response. Raises RequestFailed or Unreachable."""
        return parse_response(self.request(method=method, path=path, body=body, query=query, retry=retry))

    def create(self, path: str, body: Any, after_failure: str) -> Any:
        """Posts what must not be created twice: without retries after a lost response.

        Raises RequestFailed, or Unreachable with the note `after_failure`.
        """
        try:
            return self.call("POST", path, body, retry=RETRY_BUSY)
        except Unreachable as error:
            error.notes.append(after_failure)
            raise

    def request(
        self, method: str, path: str, body: Any = None, query: Any = None, retry: Retry = RETRY_IDEMPOTENT
    ) -> httpx.Response:
        """The response, whatever its status. Signs in again if a token was refused. Raises Unreachable."""
        content = None if body is None else msgspec.json.encode(body)
        with network_errors(self.target):
            for _ in range(MAX_SIGN_INS):
                tokens = self._get_tokens()
                headers = {"Authorization": f"Bearer {tokens[0]}", "VZ-M2M-Token": tokens[1]}
                if content is not None:
                    headers["Content-Type"] = "application/json"
                response = self._http.request(
                    method,
                    f"/api/fota{path}",
                    content=content,
                    params=query,
                    headers=headers,
                    extensions={"retry": retry},
                )
                if not _is_token_refused(response):
                    break
                self._discard_tokens(tokens)
        return response

    def sign_in(self) -> None:
        """Gets both tokens now, so that wrong credentials are reported before any other request."""
        with network_errors(self.target):
            self._get_tokens()

    def _get_tokens(self) -> tuple[str, str]:
        with self._lock:
            if self._tokens is None:
                self._tokens = self._request_tokens()
            return self._tokens

    def _discard_tokens(self, refused: tuple[str, str]) -> None:
        with self._lock:
            if self._tokens == refused:  # otherwise another thread has already renewed them
                self._tokens = None

    def _request_tokens(self) -> tuple[str, str]:
        answer = self._sign_in_call(
            "/api/ts/v1/oauth2/token", "client", data={"grant_type": "client_credentials"}, auth=self.target.client()
        )
        bearer = str(answer["access_token"])
        name, password = self.target.user()
        answer = self._sign_in_call(
            "/api/m2m/v1/session/login",
            "user",
            json={"username": name, "password": password},
            headers={"Authorization": f"Bearer {bearer}"},
        )
        return bearer, str(answer["sessionToken"])

    def _sign_in_call(self, path: str, artifact: str, **options: Any) -> dict[str, Any]:
        response = self._http.post(path, **options)
        if response.status_code in (400, 401):
            raise RequestFailed(
                f"{self.target.label} refused the sign-in of the {artifact}: {error_message(response)}",
                self._sign_in_help(artifact),
                response.status_code,
            )
        answer: dict[str, Any] = parse_response(response)
        return answer

    def _sign_in_help(self, artifact: str) -> str:
        if self.target.uses_example:
            return (
                "No credentials were given, so those of the examples were used. Set FOTAPOOL_CLIENT_KEY,\n"
                "FOTAPOOL_CLIENT_SECRET, FOTAPOOL_USER and FOTAPOOL_PASSWORD, or store them: fotapool profiles add NAME"
            )
        if artifact == "user":
            return "Check user name and password. Five failures in a row lock a user: fotapool users unlock NAME"
        return "Check the client's key and secret."

    def pages(self, path: str, member: str, cursor: str, first: str | None = "0", **query: Any) -> Iterator[Any]:
        """The rows of a list. The next page starts after the page's member `cursor`, the first one after `first`.

        The cursor is sent in the path, if that has a `{cursor}`, or else as a query parameter.
        """
        after = first
        for _ in range(MAX_PAGES):
            if "{cursor}" not in path and after is not None:
                query[cursor] = after
            response = self.request("GET", path.replace("{cursor}", after or ""), query=query)
            page = parse_response(response)
            if not isinstance(page, dict) or not isinstance(page.get(member), list):
                raise unexpected_response(response, f"without a list {member}")
            yield from page[member]
            if not page.get("hasMoreData") or not page[member] or not page.get(cursor):
                return
            after = str(page[cursor])


def _is_token_refused(response: httpx.Response) -> bool:
    if response.status_code == 401:
        return True
    return response.status_code == 400 and _SESSION_REFUSED.search(error_message(response)) is not None
