"""A client and a user of an account's own, signed in, again when the tokens have expired."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any

from fotapool.testing.control import Control

AUTH_HEADER = "X-Fotapool-Auth"
"""Which token failed, and why, in an answer that refuses one."""
SHORTEST_LIFE = timedelta(minutes=20)
"""How long a session lives without use; a bearer token lives an hour."""
SECRET = PASSWORD = "secret-of-a-test"  # noqa: S105


class SignIn:
    """Creates them by the operator plane. The tokens are those of the last sign-in."""

    def __init__(self, control: Control, account: str) -> None:
        self.key, self.secret = f"{account}-key", SECRET
        self.username, self.password = f"{account}-user", PASSWORD
        self.bearer = self.session = ""
        self._control = control
        control.call("POST", "/clients", {"key": self.key, "secret": self.secret})
        user = {"username": self.username, "password": self.password, "accounts": [account]}
        control.call("POST", "/users", user)
        self.renew()

    def renew(self) -> None:
        """Gets a bearer token and a session token."""
        basic = base64.b64encode(f"{self.key}:{self.secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        self.bearer = self._get("/api/ts/v1/oauth2/token", "grant_type=client_credentials", headers, "access_token")
        body = json.dumps({"username": self.username, "password": self.password})
        headers = {"Authorization": f"Bearer {self.bearer}", "Content-Type": "application/json"}
        self.session = self._get("/api/m2m/v1/session/login", body, headers, "sessionToken")
        self._since = self._now()

    def has_expired(self, why: str | None) -> bool:
        """Whether a refusal for this reason can come of the clock having been moved, and of nothing that a test did."""
        return why is not None and "revoked)" not in why and self._now() - self._since >= SHORTEST_LIFE

    def _now(self) -> datetime:
        return datetime.fromisoformat(self._control.call("GET", "/clock")["now"])

    def _get(self, path: str, body: str, headers: dict[str, str], member: str) -> str:
        status, answer, _ = self._control.request("POST", path, body, headers)
        if status != 200:
            raise AssertionError(f"the test's own sign-in failed: POST {path} answered {status}: {answer}")
        return str(answer[member])

    @property
    def headers(self) -> dict[str, str]:
        """Both tokens as a request carries them."""
        return {"Authorization": f"Bearer {self.bearer}", "VZ-M2M-Token": self.session}

    def request(self, method: str, path: str, body: str | None, renewing: bool) -> tuple[int, Any]:
        """Status and JSON; with `renewing`, tokens that have expired are renewed and the request is sent again."""
        for again in (renewing, False):
            headers = {**self.headers, "Content-Type": "application/json"}
            status, answer, why = self._control.request(method, path, body, headers)
            if not (again and self.has_expired(why)):
                break
            self.renew()
        return status, answer
