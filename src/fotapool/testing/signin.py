"""The client and the user of a test's account, with tokens that are renewed when they expire."""

from __future__ import annotations

import base64
import json
import threading
from datetime import datetime, timedelta
from typing import Any

from fotapool.testing.control import Control

AUTH_HEADER = "X-Fotapool-Auth"
"""The response header that says which token was refused, and why."""
SHORTEST_LIFETIME = timedelta(minutes=20)
"""The lifetime of an idle session; a bearer token is valid for an hour."""
SECRET = PASSWORD = "secret-of-a-test"  # noqa: S105


class SignIn:
    """Creates both with the operator API, and signs in. Threads may share it."""

    def __init__(self, control: Control, account: str) -> None:
        self.key, self.secret = f"{account}-key", SECRET
        self.username, self.password = f"{account}-user", PASSWORD
        self._tokens = ("", "")
        self._control = control
        self._renewing = threading.Lock()
        client = {"key": self.key, "secret": self.secret}
        user = {"username": self.username, "password": self.password, "accounts": [account]}
        created = control.call("POST", "/seed", {"clients": [client], "users": [user]})
        self._sign_in()
        self._since = datetime.fromisoformat(created["createTime"])

    def renew(self, expired: str | None = None) -> None:
        """Gets a bearer token and a session token. With an `expired` session, only if no other thread has done so."""
        with self._renewing:
            if expired in (None, self.session):
                self._sign_in()
                self._since = self._now()

    def _sign_in(self) -> None:
        basic = base64.b64encode(f"{self.key}:{self.secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        bearer = self._get("/api/ts/v1/oauth2/token", "grant_type=client_credentials", headers, "access_token")
        body = json.dumps({"username": self.username, "password": self.password})
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
        session = self._get("/api/m2m/v1/session/login", body, headers, "sessionToken")
        self._tokens = (bearer, session)

    def has_expired(self, why: str | None, session: str) -> bool:
        """Whether `why` tokens were refused is that the clock was moved, not that the test revoked them.

        `session` is the token that was sent, which another thread may have renewed meanwhile.
        """
        if why is None or "revoked)" in why:
            return False
        since = self._since  # before the session is compared: another thread may renew both at any time
        return session != self.session or self._now() - since >= SHORTEST_LIFETIME

    def _now(self) -> datetime:
        return datetime.fromisoformat(self._control.call("GET", "/clock")["now"])

    def _get(self, path: str, body: str, headers: dict[str, str], member: str) -> str:
        reply = self._control.request("POST", path, body, headers)
        if reply.status != 200:
            raise AssertionError(f"the test's own sign-in failed: POST {path} returned {reply.status}: {reply.answer}")
        return str(reply.answer[member])

    @property
    def bearer(self) -> str:
        """The latest bearer token."""
        return self._tokens[0]

    @property
    def session(self) -> str:
        """The latest session token."""
        return self._tokens[1]

    @property
    def headers(self) -> dict[str, str]:
        """The headers with both tokens."""
        bearer, session = self._tokens
        return {"Authorization": f"Bearer {bearer}", "VZ-M2M-Token": session}

    def request(self, method: str, path: str, body: str | None, renewing: bool) -> tuple[int, Any]:
        """Status and JSON. With `renewing`, a request with expired tokens is sent again with new ones."""
        for again in (renewing, False):
            headers = {**self.headers, "Content-Type": "application/json"}
            reply = self._control.request(method, path, body, headers)
            if not (again and self.has_expired(reply.refused, headers["VZ-M2M-Token"])):
                break
            self.renew(headers["VZ-M2M-Token"])
        return reply.status, reply.answer
