"""HTTP for the commands: connections, retries, and failures as messages."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import msgspec
from httpx_retries import Retry, RetryTransport

from fotapool import __version__
from fotapool.cli.client.failures import RequestFailed, Unreachable, UsageError
from fotapool.cli.client.http.target import Target, is_loopback
from fotapool.cli.client.output import stderr_note

TIMEOUT = httpx.Timeout(120.0, connect=10.0)
MAX_TRIES = 8
NOTIFY_AFTER_TRIES = 2
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 60.0
MAX_PAGES = 100_000
"""Pages of a list that are read at most."""
REDIRECTS = (301, 302, 303, 307, 308)
BUSY = (429, 503)
"""Statuses of a request that was not processed: it is safe to send it again."""
UNAVAILABLE = (*BUSY, 502, 504)
_EMULATOR_ONLY = re.compile("/control/v1/(clock|snapshot|faults|requests)")
_LOST = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError, httpx.ReadTimeout, httpx.WriteTimeout)


class _NotifyingRetry(Retry):
    """Prints a note when retries take longer."""

    def increment(self) -> Retry:
        if self.attempts_made == NOTIFY_AFTER_TRIES:
            stderr_note("the service is busy or does not respond; retrying")
        return super().increment()


def _retry(*exceptions: type[Exception], statuses: tuple[int, ...]) -> Retry:
    return _NotifyingRetry(
        total=MAX_TRIES,
        backoff_factor=FIRST_WAIT_S,
        max_backoff_wait=LONGEST_WAIT_S,
        backoff_jitter=0.5,
        allowed_methods=["GET", "POST", "PUT", "DELETE"],
        status_forcelist=statuses,
        retry_on_exceptions=exceptions,
    )


RETRY_IDEMPOTENT = _retry(*_LOST, statuses=UNAVAILABLE)
"""For idempotent requests: also retries when the response was lost."""
RETRY_OUTAGE = _retry(*_LOST, httpx.ConnectError, httpx.ConnectTimeout, statuses=UNAVAILABLE)
"""For idempotent requests of a long run: also retries while the server restarts."""
RETRY_BUSY = _retry(statuses=BUSY)
"""For requests that must not be processed twice: retries only what was not processed."""
NO_RETRY = Retry(total=0)
"""For streams, which cannot be sent again."""


class Client:
    """A client of one server; leaving its `with` block closes the connections."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.last_response: httpx.Response | None = None
        self._http = open_client(target)
        self._http.event_hooks = {"response": [self._check]}

    def __enter__(self) -> Self:
        return self

    def _check(self, response: httpx.Response) -> None:
        """Keeps the response. Raises RequestFailed for a redirect, which would send secrets to another address."""
        self.last_response = response
        if response.is_redirect or response.status_code in REDIRECTS:
            to = response.headers.get("location", "")
            raise RequestFailed(
                f"{self.target.label} redirects to another address: {to or 'it does not say which'}",
                "Redirects are not followed. Give the address of the server itself with --address or in the profile.",
                response.status_code,
            )

    def __exit__(self, *_: object) -> None:
        self._http.close()


def open_client(target: Target) -> httpx.Client:
    """Raises UsageError if the file of the certificate authority is not valid."""
    if target.address.startswith("https:"):
        try:
            trusted = ssl.create_default_context(cafile=target.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"{target.ca_file} has no certificates: {error}", "Use the PEM file of the authority."
            ) from error
    else:  # TLS is not used, and loading the system's authorities takes longer than a request
        trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    proxy = None if is_loopback(target.address) else _environment_proxy(target.address)
    transport = httpx.HTTPTransport(verify=trusted, proxy=proxy)
    return httpx.Client(
        base_url=target.address,
        transport=RetryTransport(transport, RETRY_IDEMPOTENT),
        timeout=TIMEOUT,
        trust_env=False,
        # compression costs the server more time than it saves on a fast network
        headers={"User-Agent": f"fotapool/{__version__}", "Accept-Encoding": "identity"},
    )


def _environment_proxy(address: str) -> str | None:
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(address)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


@contextmanager
def network_errors(target: Target) -> Iterator[None]:
    """Turns errors of the network into Unreachable."""
    try:
        yield
    except httpx.ConnectError as error:
        raise Unreachable(f"cannot connect to {target.label}: {error}", _way_out(target, str(error))) from error
    except httpx.HTTPError as error:
        raise Unreachable(
            f"no response from {target.label}: {str(error) or type(error).__name__}",
            "Check whether the change was made, then try again.",
        ) from error


def _way_out(target: Target, error: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in error:
        return "Give the server's certificate authority with FOTAPOOL_CA_FILE or in the profile, and use its own name."
    if "SSL" in error:
        return "The server does not speak HTTPS at this port: check it, and whether the address begins with http:."
    if is_loopback(target.address):
        return "Start a server with `fotapool emulate --seed demo`, or select one with --address or --profile."
    return "Check the address and the network."


def parse_response(response: httpx.Response) -> Any:
    """The JSON of a successful response; None without a body. Raises RequestFailed or Unreachable."""
    if response.status_code >= 400:
        raise request_error(response)
    if not response.content:
        return None
    try:
        return msgspec.json.decode(response.content)
    except msgspec.DecodeError as error:
        raise unexpected_response(response, str(error)) from error


def unexpected_response(response: httpx.Response, why: str) -> RequestFailed:
    """The error for a response that is not as documented; another program may listen at the address."""
    return RequestFailed(
        f"unexpected response to {response.request.method} {response.url.path}: {response.status_code}, {why}",
        "Check the address: it must be that of the server, without a path.",
        response.status_code,
    )


def undocumented_form(response: httpx.Response, error: Exception) -> RequestFailed:
    """The error for a response that has not the documented members and types."""
    return unexpected_response(response, f"not of the documented form ({type(error).__name__}: {error})")


def request_error(response: httpx.Response) -> Unreachable | RequestFailed:
    """The error for a status of 400 or above, with the message of the response."""
    where = f"{response.request.method} {response.url.path} returned {response.status_code}: {error_message(response)}"
    if response.status_code in UNAVAILABLE:
        return Unreachable(where, "The service is busy or restarting; try again later.")
    return RequestFailed(where, _next_step(response), response.status_code, _result(response))


def _result(response: httpx.Response) -> Any:
    """The member `result` of a problem, which only the operator API answers with; None without one."""
    try:
        found = json.loads(response.content)
    except ValueError:
        return None
    return found.get("result") if isinstance(found, dict) else None


def error_message(response: httpx.Response) -> str:
    """The message in an error body, in any of the API's forms."""
    try:
        found = json.loads(response.content)
    except ValueError:
        return response.text[:200] or response.reason_phrase
    if not isinstance(found, dict):
        return str(found)[:200]
    fault = found.get("fault")
    if isinstance(fault, dict):
        return f"{fault.get('message', '')}. {fault.get('description', '')}".strip()
    for member in ("detail", "errorMessage", "error_description", "error"):
        if found.get(member):
            return str(found[member])
    return response.text[:200]


def _next_step(response: httpx.Response) -> str:
    hint = response.headers.get("x-fotapool-hint", "")
    if hint:
        return str(hint)
    if response.status_code == 404 and _EMULATOR_ONLY.fullmatch(response.url.path):
        return "Only the emulator has a clock, snapshots, copies, faults and requests; `fotapool serve` does not."
    if response.status_code >= 500:
        request_id = response.headers.get("x-request-id")
        with_id = f" and the request id {request_id}" if request_id else ""
        return f"This is a bug of the server. Report it with the server's log{with_id}."
    return ""
