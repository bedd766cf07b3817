"""An OpenID provider for tests: right by itself, and wrong in what a test says."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

CLIENT = "fotapool"
Answer = tuple[int, dict[str, str], bytes]


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token without a signature."""
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims))
    return ".".join([*parts, ""])


class ForgedIssuer:
    """`document`, `keys`, `claims` and `answers` may be changed by a test at any time; codes can be used once."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "one"})
        self.claims: dict[str, Any] = {"sub": "s1", "email": "alice@example.com", "roles": ["fota-admins"]}
        """Of the person, and of the token: they replace the right ones; None takes one away."""
        self.document: dict[str, Any] = {}
        self.keys = [self.key]
        self.answers: dict[str, Callable[[], Answer]] = {}
        """What a path answers instead."""
        self.make_token: Callable[[dict[str, Any]], Any] = self.sign
        self.requests: list[tuple[str, dict[str, str]]] = []
        """Path and form of each request."""
        self.codes: dict[str, dict[str, str]] = {}
        """What the browser asked for with, by the code that it got."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(issuer.answer(self.path, b""))

            def do_POST(self) -> None:
                self._answer(issuer.answer(self.path, self.rfile.read(int(self.headers["content-length"]))))

            def _answer(self, answer: Answer) -> None:
                status, headers, body = answer
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def sign(self, claims: dict[str, Any], key: Any = None, **header: Any) -> str:
        """The claims as a token, signed with the key of this provider or another one."""
        values = {"alg": "ES256", "kid": "one", **header}
        return jwt.encode(values, claims, key or self.key, registry=JWSRegistry(algorithms=[values["alg"]]))

    def answer(self, target: str, body: bytes) -> Answer:
        path, query = urlsplit(target).path, urlsplit(target).query
        given = {name: values[0] for name, values in parse_qs(body.decode() or query).items()}
        self.requests.append((path, given))
        if path in self.answers:
            return self.answers[path]()
        if path == "/.well-known/openid-configuration":
            return _json(self._document())
        if path == "/keys":
            return _json({"keys": [key.as_dict(private=False) for key in self.keys]})
        if path == "/authorize":
            code = secrets.token_urlsafe(16)
            self.codes[code] = given
            return (
                303,
                {"Location": f"{given['redirect_uri']}?{urlencode({'code': code, 'state': given['state']})}"},
                b"",
            )
        if path == "/token":
            return self._exchange(given)
        return 404, {}, b""

    def _document(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            **self.document,
        }

    def _exchange(self, form: dict[str, str]) -> Answer:
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None:
            return _json({"error": "invalid_grant"}, 400)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        assert asked["code_challenge_method"] == "S256"
        assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        assert form["redirect_uri"] == asked["redirect_uri"]
        now_s = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now_s, "exp": now_s + 3600, "nonce": asked["nonce"]}
        claims = {name: value for name, value in {**claims, **self.claims}.items() if value is not None}
        return _json({"access_token": "a", "token_type": "Bearer", "id_token": self.make_token(claims)})


def _json(value: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()
