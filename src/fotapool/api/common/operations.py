"""One table of operations for each feature: it drives routes, the OpenAPI document and the compatibility page."""

from __future__ import annotations

import enum
import re
import typing
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec

from fotapool.api.common.bodies import read_campaign_id
from fotapool.api.common.time_styles import WriteTime, writer_for
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.domain.names import parse_device_ids
from fotapool.services.context import Caller, Context

MAX_QUERY_FIELDS = 100
Result = TypeVar("Result")
Answer = TypeVar("Answer")
_encode = msgspec.json.Encoder().encode
_NEEDS_PARSING = re.compile("[&;%+]")


class Evidence(enum.Enum):
    """How well the documents support what an operation does."""

    SEED = "one of the four documents this project comes from"
    DOCUMENTED = "the vendor's public documentation"
    SDK = "the vendor's SDK models"


class Call(msgspec.Struct):
    """A request whose tokens and account were checked."""

    context: Context
    caller: Caller
    version: str
    """The version of the API that is called, as `v3`."""
    account: str
    """The name of the account."""
    max_devices: int
    """How many devices the body may name."""
    page_size: int
    """How many rows a page has at most."""
    path: dict[str, str]
    query_string: bytes
    user_agent: bytes
    body: bytes
    upload: Upload | None = None
    """What the operation's `upload_reader` returned; then `body` is empty."""

    @property
    def device(self) -> int:
        """The IMEI in the path. Raises RequestRejected(DEVICE_ID_INVALID)."""
        return parse_device_ids([self.path["deviceId"]])[0]

    @property
    def campaign_id(self) -> str:
        """The campaign's UUID in the path, in lower case. Raises RequestRejected(CAMPAIGN_ID_INVALID)."""
        return read_campaign_id(self.path.get("campaignId") or self.path["upgradeId"])

    def query(self, name: str) -> str | None:
        """A query parameter's last value.

        Raises RequestRejected(INDEX_INVALID) if there are more than MAX_QUERY_FIELDS.
        """
        if not self.query_string:
            return None
        text = self.query_string.decode("latin-1")
        if not _NEEDS_PARSING.search(text):  # one parameter without escapes: the parser takes ten times as long
            given, _, value = text.partition("=")
            return value if given == name else None
        try:
            fields = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
        except ValueError as error:
            raise RequestRejected(ErrorCode.INDEX_INVALID) from error
        return dict(fields).get(name)

    def start(self, *parameters: str) -> str:
        """Where a list starts: the index in the path, else the first of the query parameters sent, else `0`."""
        in_path = self.path.get("index")
        if in_path is not None:
            return in_path
        return next((value for value in map(self.query, parameters) if value is not None), "0")

    async def answer(self, change: Awaitable[Result], write: Callable[[Result], Answer]) -> Answer:
        """Makes a change, and returns the answer that `write` makes of its result.

        With an idempotency key, the answer is written in the transaction of the change, which records it.
        """
        keyed = self.caller.keyed
        if keyed is None:
            return write(await change)
        keyed.write_answer = lambda result: _encode(write(result))
        await change
        keyed.write_answer = None  # it refers to this call: only the garbage collector would free both
        return cast(Answer, msgspec.Raw(keyed.answer))

    def write_time(self, typed_as_datetime: bool = False) -> WriteTime:
        """The function that writes times for this client; see `writer_for`."""
        return writer_for(self.context.settings.timestamps, self.user_agent, typed_as_datetime)


class Upload(Protocol):
    """A body that was read as a stream."""

    @property
    def identity(self) -> bytes:
        """What the body says. That of the same upload is the same, even if the body has other bytes."""


class UploadStream(msgspec.Struct, frozen=True):
    """A body that is not read yet. `content_length` is the request's header, in bytes, or 0."""

    content_type: str
    content_length: int
    chunks: AsyncIterator[bytes]
    account: str


UploadReader = Callable[[Context, UploadStream], AbstractAsyncContextManager[Upload]]
Handler = TypeVar("Handler", bound=Callable[[Call], Awaitable[Any]])


class Operation(msgspec.Struct, frozen=True):
    """One operation on all of its paths."""

    id: str
    """The number of the operation in the compatibility page, as V3-3."""
    method: str
    paths: Sequence[str]
    """Paths below the version's base, with `{account}`; the vendor's own SDK calls the first one."""
    handle: Callable[[Call], Awaitable[Any]]
    sdk: str
    """Where the vendor's Python SDK has it: controller.method."""
    evidence: Evidence = Evidence.DOCUMENTED
    request: type | None = None
    """The structure of the body; with an `upload_reader` the fields of a form."""
    query: Sequence[str] = ()
    notes: str = ""
    upload_reader: UploadReader | None = None
    """Reads the body as a stream, once tokens and account are checked."""
    has_secrets: bool = False
    """Whether the response has secrets, which no cache may keep."""
    account_member: str = ""
    """The member of the body that names the account, where no path does."""
    find_account: Callable[[Context, str, bytes], Awaitable[str]] | None = None
    """The account of a request whose body names none, by the user and the body; "" if it must name one."""
    other_methods: Sequence[str] = ()
    """Methods that the vendor lists for the same path without a word on them, and that do the same here."""

    reads: bool = False
    """Whether it changes nothing, although its method is POST."""

    @property
    def changes(self) -> bool:
        """Whether it changes something, so that it accepts an Idempotency-Key."""
        return self.method != "GET" and not self.reads

    @property
    def calls(self) -> list[tuple[str, str]]:
        """Method and path of each request that it answers, the one of the vendor's SDK first."""
        return [(method, path) for method in (self.method, *self.other_methods) for path in self.paths]

    @property
    def name(self) -> str:
        """The handler's name."""
        return self.handle.__name__

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handle.__doc__ or "").split("\n", 1)[0].rstrip(".")

    @property
    def response(self) -> Any:
        """The structure that the handler returns, by its annotation."""
        return typing.get_type_hints(self.handle)["return"]


class OperationTable(list[Operation]):
    """A feature's operations in one version."""

    def add(self, method: str, id: str, paths: str | Sequence[str], **row: Any) -> Callable[[Handler], Handler]:
        """Registers the decorated handler; `row` has the further fields of Operation.

        A handler that versions share is registered in each of them: `operations.get(…)(handler)`.
        """

        def register(handle: Handler) -> Handler:
            listed = [paths] if isinstance(paths, str) else paths
            self.append(Operation(id=id, method=method, paths=listed, handle=handle, **row))
            return handle

        return register

    def get(self, id: str, paths: str | Sequence[str], **row: Any) -> Callable[[Handler], Handler]:
        return self.add("GET", id, paths, **row)

    def post(self, id: str, paths: str | Sequence[str], **row: Any) -> Callable[[Handler], Handler]:
        return self.add("POST", id, paths, **row)

    def put(self, id: str, paths: str | Sequence[str], **row: Any) -> Callable[[Handler], Handler]:
        return self.add("PUT", id, paths, **row)

    def delete(self, id: str, paths: str | Sequence[str], **row: Any) -> Callable[[Handler], Handler]:
        return self.add("DELETE", id, paths, **row)
