"""A proxy that forwards requests to the real service and records them without secrets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from fotapool.core.clock import Clock
from fotapool.core.logs.events import Log, LogEvent
from fotapool.core.timestamps import format_timestamp
from fotapool.recording import pairs
from fotapool.recording.pseudonyms import LimitExceeded
from fotapool.recording.redaction import NOT_TEXT, Redactor

log = Log(__name__)
MAX_BODY_BYTES = 64 * 1024 * 1024
"""Maximum size of a request body, and of a response body."""
MAX_FIELDS = 100
TIMEOUT_S = 60.0
MAX_CONNECTIONS = 100
_HOP_BY_HOP = (
    "connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade proxy-connection"
)
HOP_BY_HOP = frozenset(_HOP_BY_HOP.split())
"""Headers for a single connection (RFC 9110, 7.6.1)."""
READABLE_ENCODINGS = "gzip, deflate"
"""The encodings that a response may have: the recorder must be able to read it."""
Pairs = Sequence[tuple[str, str]]


class Recorder:
    """Redacts pairs and writes them until the file is full."""

    def __init__(self, file: pairs.RecordingFile, redactor: Redactor) -> None:
        self._file = file
        self._redactor = redactor
        self._stopped = ""

    async def add(
        self, number: int, began_ms: int, took_ms: int, request: httpx.Request, answer: httpx.Response
    ) -> None:
        """Writes one pair, unless it cannot be redacted."""
        if self._stopped:
            return
        try:
            pair = await self._redacted(
                number=number, began_ms=began_ms, took_ms=took_ms, request=request, answer=answer
            )
        except LimitExceeded as error:
            self._stop(str(error))
            return
        except Exception as error:  # the client gets its response all the same
            log.write(LogEvent.RECORDING_FAILED, number=number, error_type=type(error).__name__)
            return
        self._file.add(pair)
        if self._file.is_full:
            self._stop(f"the recording is full: {self._file.pairs:,} pairs")

    def _stop(self, why: str) -> None:
        self._stopped = why
        log.write(LogEvent.RECORDING_ENDED, reason=why)

    async def _redacted(
        self, number: int, began_ms: int, took_ms: int, request: httpx.Request, answer: httpx.Response
    ) -> pairs.Pair:
        readable = [request.url.path, request.url.query.decode("latin-1")]
        readable += [content.decode("utf-8", "replace") for content in (request.content, answer.content)]
        self._redactor.learn_imeis(*readable)
        await self._request(request)  # only the response may show what is secret in the request
        self._answer(request, answer)
        self._redactor.refresh()
        return pairs.Pair(
            number=number,
            time=format_timestamp(began_ms),
            took=took_ms,
            request=await self._request(request),
            answer=self._answer(request, answer),
        )

    async def _request(self, request: httpx.Request) -> pairs.RecordedRequest:
        path = request.url.raw_path.partition(b"?")[0].decode("latin-1")
        content_type = request.headers.get("content-type", "")
        headers = self._redactor.headers(request.headers.multi_items())
        if content_type.lower().startswith("multipart/"):
            body: pairs.Body | None = await self._form(request)
            headers["content-type"] = "multipart/form-data"
        else:
            body = self._redactor.body(request.content, content_type, path, is_answer=False)
        return pairs.RecordedRequest(
            method=request.method,
            path=self._redactor.path(request.method, path),
            query=self._redactor.query(request.url.query.decode("latin-1")),
            headers=headers,
            body=body,
        )

    async def _form(self, request: httpx.Request) -> pairs.Body:
        """The fields, and names and sizes of the files."""

        async def content() -> AsyncGenerator[bytes, None]:
            yield request.content

        try:
            parser = MultiPartParser(
                Headers(dict(request.headers)),
                content(),
                max_files=MAX_FIELDS,
                max_fields=MAX_FIELDS,
                max_part_size=MAX_BODY_BYTES,
            )
            form = await parser.parse()
        except (MultiPartException, KeyError, ValueError):
            return pairs.Body(leftOut=NOT_TEXT)
        fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        files = [
            pairs.SentFile(name, self._redactor.text(value.filename or ""), value.content_type or "", value.size or 0)
            for name, value in form.multi_items()
            if not isinstance(value, str)
        ]
        await form.close()
        return pairs.Body(form=self._redactor.fields(fields), files=files)

    def _answer(self, request: httpx.Request, answer: httpx.Response) -> pairs.RecordedResponse:
        body = self._redactor.body(
            answer.content, answer.headers.get("content-type", ""), request.url.path, is_answer=True
        )
        return pairs.RecordedResponse(
            status=answer.status_code, headers=self._redactor.headers(answer.headers.multi_items()), body=body
        )


class Proxy:
    """The ASGI application."""

    def __init__(self, upstream: str, recorder: Recorder, clock: Clock, open_client: Callable[[], httpx.AsyncClient]):
        parts = urlsplit(upstream)
        self._address = f"{parts.scheme}://{parts.netloc}"
        self._base = parts.path.rstrip("/")
        self._recorder = recorder
        self._clock = clock
        self._open_client = open_client
        self._client: httpx.AsyncClient | None = None
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            response = await self._handle(Request(scope, receive))
            await response(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._open_client() as self._client:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _handle(self, given: Request) -> Response:
        assert self._client is not None
        self._count += 1
        number, began_ms = self._count, self._clock.now_ms()
        body = await _read(given.stream())
        if body is None:
            return _failure(413, f"the body has more than {MAX_BODY_BYTES:,} bytes")
        request = httpx.Request(
            given.method,
            self._url(given),
            content=body,
            headers=_request_headers(given.headers.items()),
            extensions={"timeout": httpx.Timeout(TIMEOUT_S).as_dict()},
        )
        try:
            async with aclosing(await self._client.send(request, stream=True)) as answer:
                raw = await _read(answer.aiter_raw())
        except httpx.TimeoutException:
            return _failure(504, f"the service did not answer within {TIMEOUT_S:.0f} s")
        except httpx.HTTPError as error:
            return _failure(502, f"the service cannot be reached: {error or type(error).__name__}")
        if raw is None:
            return _failure(502, f"the service's answer has more than {MAX_BODY_BYTES:,} bytes")
        readable = httpx.Response(answer.status_code, headers=answer.headers, content=raw)
        await self._recorder.add(
            number=number, began_ms=began_ms, took_ms=self._clock.now_ms() - began_ms, request=request, answer=readable
        )
        return _response(answer, raw, given.method)

    def _url(self, given: Request) -> str:
        """The URL at the service. The base path is not added to a path that has it."""
        path = given.scope["raw_path"].decode("latin-1").partition("?")[0]
        if not path.startswith(f"{self._base}/"):
            path = self._base + path
        query = given.scope["query_string"].decode("latin-1")
        return f"{self._address}{path}{'?' if query else ''}{query}"


def open_client(authority: str | None = None, is_local: bool = False) -> httpx.AsyncClient:
    """Verifies the service's certificate, with the CA file `authority` if there is one."""
    import ssl

    context = ssl.create_default_context(cafile=authority) if authority else True
    return httpx.AsyncClient(
        verify=context,
        timeout=TIMEOUT_S,
        follow_redirects=False,
        trust_env=not is_local,
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
    )


async def _read(chunks: AsyncIterator[bytes]) -> bytes | None:
    """The whole body, or None if it is larger than MAX_BODY_BYTES."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


def _request_headers(headers: Pairs) -> list[tuple[str, str]]:
    dropped = _named_in_connection(headers) | HOP_BY_HOP | {"host", "content-length", "accept-encoding"}
    forwarded = [(name, value) for name, value in headers if name.lower() not in dropped]
    accepted = next((value for name, value in headers if name.lower() == "accept-encoding"), "")
    return [*forwarded, ("accept-encoding", READABLE_ENCODINGS if "gzip" in accepted else "identity")]


def _response(answer: httpx.Response, raw: bytes, method: str) -> Response:
    headers = answer.headers.multi_items()
    dropped = _named_in_connection(headers) | HOP_BY_HOP
    response = Response(raw, answer.status_code)
    response.raw_headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in headers
        if name.lower() not in dropped and (name.lower() != "content-length" or method == "HEAD")
    ]
    if method != "HEAD" and answer.status_code >= 200 and answer.status_code not in (204, 304):
        response.raw_headers.append((b"content-length", str(len(raw)).encode()))
    return response


def _named_in_connection(headers: Pairs) -> frozenset[str]:
    named = ",".join(value for name, value in headers if name.lower() == "connection")
    return frozenset(part.strip().lower() for part in named.split(","))


def _failure(status: int, why: str) -> JSONResponse:
    """An error of the proxy itself, which is not recorded."""
    log.write(LogEvent.NOT_RECORDED, reason=why)
    return JSONResponse({"title": "fotapool record", "status": status, "detail": why}, status)


def file_name(now_ms: int) -> str:
    """The file name of a recording that begins now."""
    return f"recording-{datetime.fromtimestamp(now_ms / 1000, tz=UTC):%Y%m%dT%H%M%SZ}.jsonl"
