"""Sends the requests of a recording to a server, in order, and compares the answers with the recorded ones."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import httpx
import msgspec
from msgspec.structs import replace

from fotapool.emulator.paths import LOGIN_PATH, TOKEN_PATH
from fotapool.recording.differences import Difference, find_differences
from fotapool.recording.operations import find_operation
from fotapool.recording.pairs import Body, Pair, RecordedRequest, RecordedResponse
from fotapool.recording.seed_from_recording import OWN_CLIENT, OWN_SECRET, OWN_USER

TIMEOUT_S = 60.0
COMPARED_HEADERS = ("allow", "location", "retry-after", "revokedaccesstoken", "www-authenticate")
UNAUTHORIZED, MIN_REFUSED = 401, 400
SESSION_REJECTED = ("Session token is", "Session has expired", "SessionToken")
"""Words in the rejection of a session token."""
_IDS = "access_token campaignId fileName id newPassword requestId sessionToken transactionId upgradeId"
IDS = frozenset(_IDS.split())
"""Members whose values the service chooses: the recorded values are mapped to the new ones."""
MIN_LEARNED = 4
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class CannotReplay(Exception):
    """The server cannot be used for a comparison; the message says why."""


class Result(msgspec.Struct, frozen=True):
    """The result of one request. `skipped` says why it was not sent."""

    number: int
    operation: str
    name: str
    method: str
    path: str
    """The template, if the operation is documented."""
    status: int
    skipped: str = ""
    differences: list[Difference] = msgspec.field(default_factory=list)


class Replay:
    """One run against one server."""

    def __init__(
        self,
        client: httpx.Client,
        values: bool = False,
        ignored: Collection[str] = (),
        move_clock: Callable[[str], None] | None = None,
    ) -> None:
        """`move_clock` is called with the time at which the next request was recorded."""
        self._client = client
        self._values = values
        self._ignored = ignored
        self._move_clock = move_clock
        self._learned: dict[str, str] = {}
        self._bearer = self._session = ""

    def run(self, pairs: Sequence[Pair]) -> Iterator[Result]:
        """Raises CannotReplay."""
        for pair in pairs:
            operation = find_operation(pair.request.method, pair.request.path)
            path = operation.template if operation.id else pair.request.path
            result = Result(
                number=pair.number,
                operation=operation.id,
                name=operation.name,
                method=pair.request.method,
                path=path,
                status=pair.answer.status,
            )
            if pair.request.body is not None and isinstance(pair.request.body.leftOut, str):
                yield replace(result, skipped=f"its body is not in the recording: {pair.request.body.leftOut}")
                continue
            try:
                if self._move_clock is not None:
                    self._move_clock(pair.time)
                answer = self._send(pair)
            except httpx.HTTPError as error:
                raise CannotReplay(f"the server did not answer request {pair.number}: {error}") from error
            yield replace(result, differences=self._compare(pair.answer, answer))

    # --- sending -----------------------------------------------------------------------------------------------------

    def _send(self, pair: Pair) -> httpx.Response:
        rejected_header = _rejected_header(pair.answer.status, pair.answer.body)
        request, own = self._request(pair.request, rejected_header)
        answer = self._client.send(request)
        if own and not rejected_header and _rejected_header(answer.status_code, _body(answer)):
            self._sign_in()
            request, _ = self._request(pair.request, rejected_header)
            answer = self._client.send(request)
        return answer

    def _request(self, recorded: RecordedRequest, rejected_header: str) -> tuple[httpx.Request, bool]:
        """The request with current ids, and whether it has a token of our own."""
        headers = {name: value for name, value in recorded.headers.items() if name != "content-type"}
        own = False
        for name, scheme, ours in (("authorization", "Bearer ", "_bearer"), ("vz-m2m-token", "", "_session")):
            value = headers.get(name, "")
            if name not in headers or not value.startswith(scheme):
                continue
            token = value.removeprefix(scheme)
            if token not in self._learned and name != rejected_header:
                if not self._session:
                    self._sign_in()
                own = True
                headers[name] = scheme + getattr(self, ours)
            else:
                headers[name] = scheme + self._learned.get(token, token)
        options = self._content(recorded)
        if "files" not in options and "content-type" in recorded.headers:
            headers["content-type"] = recorded.headers["content-type"]
        path = "/".join(quote(self._translated(unquote(part)), safe="") for part in recorded.path.split("/"))
        fields = [(name, self._translated(value)) for name, value in parse_qsl(recorded.query, keep_blank_values=True)]
        url = f"{path}?{urlencode(fields)}" if fields else path
        return self._client.build_request(recorded.method, url, headers=headers, **options), own

    def _content(self, recorded: RecordedRequest) -> dict[str, Any]:
        body = recorded.body
        if body is None:
            return {}
        if isinstance(body.files, list):
            files = [(one.field, (one.name, bytes(one.bytes), one.type or None)) for one in body.files]
            fields = {name: self._translated(value) for name, value in body.form or ()}
            return {"files": files, "data": fields}
        if isinstance(body.form, list):
            return {"content": urlencode([(name, self._translated(value)) for name, value in body.form])}
        return {"content": json.dumps(self._translated(body.json))}

    def _sign_in(self) -> None:
        """Gets tokens of our own. Raises CannotReplay."""
        form = {"grant_type": "client_credentials"}
        token = self._client.post(TOKEN_PATH, auth=(OWN_CLIENT, OWN_SECRET), data=form)
        if token.status_code != 200:
            raise CannotReplay(f"signing in failed: POST {TOKEN_PATH} answered {token.status_code}: {token.text}")
        self._bearer = token.json()["access_token"]
        headers = {"Authorization": f"Bearer {self._bearer}"}
        body = {"username": OWN_USER, "password": OWN_SECRET}
        login = self._client.post(LOGIN_PATH, headers=headers, json=body)
        if login.status_code != 200:
            raise CannotReplay(f"signing in failed: POST {LOGIN_PATH} answered {login.status_code}: {login.text}")
        self._session = login.json()["sessionToken"]

    # --- ids ---------------------------------------------------------------------------------------------------------

    def _learn(self, member: str, recorded: Any, answered: Any) -> None:
        if isinstance(recorded, Mapping) and isinstance(answered, Mapping):
            for name, value in recorded.items():
                self._learn(name, value, answered.get(name))
        elif isinstance(recorded, list) and isinstance(answered, list):
            for one, other in zip(recorded, answered, strict=False):
                self._learn(member, one, other)
        elif isinstance(recorded, str) and isinstance(answered, str):
            is_id = member in IDS and len(recorded) >= MIN_LEARNED
            if is_id or _UUID.fullmatch(recorded):
                self._learned.setdefault(recorded, answered)

    def _translated(self, recorded: Any) -> Any:
        """With current ids in place of the recorded ones."""
        if isinstance(recorded, Mapping):
            return {name: self._translated(value) for name, value in recorded.items()}
        if isinstance(recorded, list):
            return [self._translated(one) for one in recorded]
        if not isinstance(recorded, str):
            return recorded
        found = self._learned.get(recorded)
        return found if found is not None else _UUID.sub(lambda one: self._learned.get(one[0], one[0]), recorded)

    # --- comparing ---------------------------------------------------------------------------------------------------

    def _compare(self, recorded: RecordedResponse, answer: httpx.Response) -> list[Difference]:
        found = []
        if recorded.status != answer.status_code:
            found.append(Difference("status code", "value", str(recorded.status), str(answer.status_code)))
        types = _media_type(recorded.headers), _media_type(answer.headers)
        if types[0] != types[1]:
            found.append(Difference("content-type", "value", *types))
        for name in COMPARED_HEADERS:
            if (name in recorded.headers) != (name in answer.headers):
                what = "missing" if name in recorded.headers else "extra"
                found.append(Difference(name, what, recorded.headers.get(name, ""), answer.headers.get(name, "")))
        if recorded.body is not None and isinstance(recorded.body.leftOut, str):
            return found
        documents = _document(recorded.body), _document(_body(answer))
        self._learn("", *documents)
        return found + find_differences(self._translated(documents[0]), documents[1], self._values, self._ignored)


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _body(answer: httpx.Response) -> Body | None:
    if not answer.content:
        return None
    try:
        return Body(json=answer.json())
    except ValueError:
        return Body(text=answer.text)


def _document(body: Body | None) -> Any:
    """The document or text to compare."""
    if body is None:
        return None
    return body.text if isinstance(body.text, str) else body.json


def _rejected_header(status: int, body: Body | None) -> str:
    """The header whose token the response rejects; empty if it rejects none."""
    if status == UNAUTHORIZED:
        return "authorization"
    if status >= MIN_REFUSED and any(words in str(_document(body)) for words in SESSION_REJECTED):
        return "vz-m2m-token"
    return ""
