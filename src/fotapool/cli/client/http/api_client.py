"""The documented API, as any client of the vendor's sees it: two tokens, renewed when they expire in the middle."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
from httpx_retries import Retry

from fotapool.cli.client.failures import RequestFailed
from fotapool.cli.client.http.calls import (
    REPEATABLE,
    error_words,
    network_errors,
    not_as_documented,
    open_client,
    parse_response,
    refusal,
)
from fotapool.cli.client.http.target import Target

RENEWALS = 3
"""How often one request gets fresh tokens."""
MAX_PAGES = 100_000
_SESSION_REFUSED = re.compile(r"session (token|has expired)", re.IGNORECASE)


class Api:
    """Calls below /api/fota, signed in at the first one. May be used by several threads."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._http = open_client(target)
        self._lock = threading.Lock()
        self._tokens: tuple[str, str] | None = None

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(self, method: str, path: str, body: Any = None, query: Any = None, retry: Retry = REPEATABLE) -> Any:
        """The JSON of the answer. Raises RequestRejected or Unreachable."""
        return parse_response(self.request(method=method, path=path, body=body, query=query, retry=retry))

    def request(
        self, method: str, path: str, body: Any = None, query: Any = None, retry: Retry = REPEATABLE
    ) -> httpx.Response:
        """The answer, after renewing the tokens if it was refused for one of them.

        Raises Unreachable, RequestRejected.
        """
        content = None if body is None else msgspec.json.encode(body)
        with network_errors(self.target):
            for _ in range(RENEWALS):
                tokens = self._signed_in()
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
                if not _is_refused_for_a_token(response):
                    break
                self._forget(tokens)
            return response

    def sign_in(self) -> None:
        """Gets both tokens, so that a wrong password is told before anything else is done."""
        with network_errors(self.target):
            self._signed_in()

    def _signed_in(self) -> tuple[str, str]:
        with self._lock:
            if self._tokens is None:
                self._tokens = self._get_tokens()
            return self._tokens

    def _forget(self, rejected: tuple[str, str]) -> None:
        with self._lock:
            if self._tokens == rejected:  # otherwise another thread has renewed them already
                self._tokens = None

    def _get_tokens(self) -> tuple[str, str]:
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

    def _sign_in_call(self, path: str, whose: str, **options: Any) -> dict[str, Any]:
        response = self._http.post(path, **options)
        if response.status_code in (400, 401):
            raise RequestFailed(
                f"{self.target.words} refused the sign-in of the {whose}: {error_words(response)}",
                self._how_to(whose),
                response.status_code,
            )
        if response.status_code >= 400:
            raise refusal(response)
        answer: dict[str, Any] = parse_response(response)
        return answer

    def _how_to(self, whose: str) -> str:
        if self.target.is_guessed:
            return (
                "No client and user were given, so those of the examples were tried. Set FOTAPOOL_CLIENT_KEY,\n"
                "FOTAPOOL_CLIENT_SECRET, FOTAPOOL_USER and FOTAPOOL_PASSWORD, or keep them: fotapool profiles add NAME"
            )
        if whose == "user":
            return "Check user name and password. Five failures in a row lock a user: fotapool users unlock NAME"
        return "Check the client's key and secret."

    def pages(self, path: str, member: str, cursor: str, more: str = "hasMoreData", **query: str) -> Iterator[Any]:
        """The rows of a list that goes on by the member `cursor` of the page before: in the path, where that has a
        `{cursor}`, or else in the query.
        """
        after = "0"
        for _ in range(MAX_PAGES):
            if "{cursor}" in path:
                response = self.request("GET", path.replace("{cursor}", after), query=query)
            else:
                response = self.request("GET", path, query={**query, cursor: after})
            page = parse_response(response)
            if not isinstance(page, dict) or not isinstance(page.get(member), list):
                raise not_as_documented(response, f"it has no list {member}")
            yield from page[member]
            if not page.get(more) or not page[member] or not page.get(cursor):
                return
            after = str(page[cursor])


def _is_refused_for_a_token(response: httpx.Response) -> bool:
    if response.status_code == 401:
        return True
    return response.status_code == 400 and _SESSION_REFUSED.search(error_words(response)) is not None


def segment(text: str) -> str:
    """A name as a segment of a path."""
    return quote(text, safe="")
