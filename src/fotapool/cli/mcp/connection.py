"""What the tools ask of a server: its operator API, and whether it may be changed."""

from __future__ import annotations

import json
from typing import Any

from fotapool.cli.client.failures import RequestFailed, UsageError
from fotapool.cli.client.http.admin_client import AdminClient
from fotapool.cli.client.http.calls import NO_RETRY, parse_response

Json = dict[str, Any]
CLOCK = "/clock"


class Connection:
    """The operator API of one server. Requests are sent once: an assistant should hear soon that a server is busy."""

    def __init__(self, client: AdminClient, allow_changes: bool) -> None:
        self.client = client
        self._allow_changes = allow_changes

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of the answer. Query parameters that are None are left out."""
        given = {name: value for name, value in query.items() if value is not None}
        return parse_response(self.client.send("GET", path, query=given, retry=NO_RETRY))

    def text(self, path: str, **query: Any) -> str:
        """The answer as plain text."""
        return self.client.send("GET", path, query=query, retry=NO_RETRY, accept="text/plain").text

    def post_or_put(self, method: str, path: str, body: Json | None = None, query: Json | None = None) -> Any:
        """The JSON of the answer. Call `check_changes` before, unless it is a preview."""
        content = None if body is None else json.dumps(body).encode()
        return parse_response(self.client.send(method, path, content, query=query, retry=NO_RETRY))

    def delete(self, path: str) -> None:
        """Call `check_changes` before."""
        self.client.send("DELETE", path, retry=NO_RETRY)

    def clock(self) -> Json | None:
        """The test clock; None if the server is not an emulator."""
        try:
            found: Json = self.get(CLOCK)
        except RequestFailed as failure:
            if failure.status == 404:
                return None
            raise
        return found

    def may_change(self, clock: Json | None) -> bool:
        """Whether tools may change the server with this clock."""
        return self._allow_changes or clock is not None

    def check_changes(self) -> None:
        """Raises UsageError if the server may not be changed."""
        if not self._allow_changes and self.clock() is None:
            raise UsageError(
                f"nothing is changed on {self.client.target.label}: it was started by `fotapool serve`",
                "If the person allows changes there, start the tools with `fotapool mcp --allow-changes`.",
            )
