"""HTTP for the commands: connections kept open, requests tried again where that is safe, failures in words."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from httpx_retries import Retry, RetryTransport

from fotapool import __version__
from fotapool.cli.client.failures import RequestFailed, Unreachable, UsageError
from fotapool.cli.client.http.target import Target, is_this_machine
from fotapool.cli.client.output import stderr_note

TIMEOUT = httpx.Timeout(120.0, connect=10.0)
MAX_TRIES = 8
TOLD_AFTER = 2
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 60.0
BUSY = (429, 503)
"""Nothing was done: any request may be sent again."""
_LOST = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError, httpx.ReadTimeout, httpx.WriteTimeout)


class _Told(Retry):
    """Says once that it takes longer, for whoever waits at a terminal."""

    def increment(self) -> Retry:
        if self.attempts_made == TOLD_AFTER:
            stderr_note("the service is busy or does not answer; trying again")
        return super().increment()


def _retry(*exceptions: type[Exception], statuses: tuple[int, ...]) -> Retry:
    return _Told(
        total=MAX_TRIES,
        backoff_factor=FIRST_WAIT_S,
        max_backoff_wait=LONGEST_WAIT_S,
        backoff_jitter=0.5,
        allowed_methods=["GET", "POST", "PUT", "DELETE"],
        status_forcelist=statuses,
        retry_on_exceptions=exceptions,
    )


REPEATABLE = _retry(*_LOST, statuses=(*BUSY, 502, 504))
"""Of a request that does no harm when it is done twice: again also when its answer was lost."""
PATIENT = _retry(*_LOST, httpx.ConnectError, httpx.ConnectTimeout, statuses=(*BUSY, 502, 504))
"""The same in the middle of long work: the server may be on its way back."""
ONCE = _retry(statuses=BUSY)
"""Of a request that must not be done twice."""


def open_client(target: Target) -> httpx.Client:
    """Raises UsageError if the certificate authority's file is no good."""
    if target.address.startswith("https:"):
        try:
            trusted = ssl.create_default_context(cafile=target.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"{target.ca_file} has no certificates: {error}", "Name the PEM file of the authority."
            ) from error
    else:  # one that trusts nobody: TLS is not spoken, and reading the system's authorities takes longer than a request
        trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    proxy = None if is_this_machine(target.address) else _proxy(target.address)
    transport = httpx.HTTPTransport(verify=trusted, proxy=proxy)
    return httpx.Client(
        base_url=target.address,
        transport=RetryTransport(transport, REPEATABLE),
        timeout=TIMEOUT,
        trust_env=False,
        # not compressed: on a wire of this speed that costs the server more than it saves
        headers={"User-Agent": f"fotapool/{__version__}", "Accept-Encoding": "identity"},
    )


def _proxy(address: str) -> str | None:
    """What the environment names for other machines."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(address)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


@contextmanager
def network_errors(target: Target) -> Iterator[None]:
    """Turns failures of the network into Unreachable."""
    try:
        yield
    except httpx.ConnectError as error:
        raise Unreachable(
            f"nobody answers at {target.words}: {error}",
            "Start a server with `fotapool emulate --seed seed.yaml`, or name one with --address or --profile."
            if is_this_machine(target.address)
            else "Check the address, the network and, for a certificate of your own, the profile's CA file.",
        ) from error
    except httpx.HTTPError as error:
        words = str(error) or type(error).__name__
        raise Unreachable(
            f"no answer from {target.words}: {words}", "Try again; look first at what was done."
        ) from error


def parse_response(response: httpx.Response) -> Any:
    """The JSON of a success, None without a body.

    Raises RequestRejected or Unreachable with the service's own words.
    """
    if response.status_code < 400:
        return document(response) if response.content else None
    raise refusal(response)


def document(response: httpx.Response) -> Any:
    """Raises RequestRejected for what is no JSON: another program may listen there."""
    try:
        return msgspec.json.decode(response.content)
    except msgspec.DecodeError as error:
        raise not_as_documented(response, str(error)) from error


def not_as_documented(response: httpx.Response, why: str) -> RequestFailed:
    """Another program listens there, or the service has changed."""
    where = f"{response.request.method} {response.url.path}"
    return RequestFailed(
        f"{where} was answered {response.status_code}, but not as documented: {why}",
        "Check the address: it is that of the server, without a path.",
        response.status_code,
    )


def refusal(response: httpx.Response) -> Unreachable | RequestFailed:
    """What a status of 400 and more says, in the words of whoever answered."""
    where = f"{response.request.method} {response.url.path} answered {response.status_code}: {error_words(response)}"
    if response.status_code in (*BUSY, 502, 504):
        return Unreachable(where, "The service is busy or on its way back; try again later.")
    return RequestFailed(where, _next_step(response), response.status_code)


def error_words(response: httpx.Response) -> str:
    """The message within the body, whichever of the service's forms it has."""
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
    if response.status_code == 404 and b"no such resource" in response.content:
        return "Clock, snapshots, copies, faults and requests are the emulator's: `fotapool serve` has none of them."
    if response.status_code >= 500:
        request_id = response.headers.get("x-request-id", "")
        return f"This is a fault of the server. Report it with its log and the request's id {request_id}."
    return ""
