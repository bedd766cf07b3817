"""An operation of the API: one table drives the routes, the OpenAPI document and the compatibility page."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fotapool.api.common.time_styles import WriteTime, writer_for
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.context import Caller, Context

MAX_QUERY_FIELDS = 100


class Evidence(enum.Enum):
    """How well the documents support what an operation does."""

    SEED = "one of the four documents this project comes from"
    DOCUMENTED = "the vendor's public documentation"
    SDK = "the vendor's SDK models"


@dataclass(slots=True)
class Call:
    """A request whose tokens and account were checked."""

    context: Context
    caller: Caller
    path: dict[str, str]
    query_string: bytes
    user_agent: bytes
    body: bytes
    taken: Any = None
    """What the operation's `takes` made of the body, where it has that in place of reading it whole."""

    def query(self, name: str) -> str | None:
        """A query parameter's last value.

        Raises RequestRejected(INDEX_INVALID) if there are more than MAX_QUERY_FIELDS.
        """
        if not self.query_string:
            return None
        text = self.query_string.decode("latin-1")
        try:
            fields = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
        except ValueError as error:
            raise RequestRejected(ErrorCode.INDEX_INVALID) from error
        return dict(fields).get(name)

    def start(self, parameter: str) -> str:
        """Where a list is to start: from the path, else from the query parameter, else from the beginning."""
        in_path = self.path.get("index")
        in_query = self.query(parameter) if in_path is None else None
        return in_path if in_path is not None else in_query if in_query is not None else "0"

    def write_time(self, typed_as_datetime: bool = False) -> WriteTime:
        return writer_for(self.context.settings.timestamps, self.user_agent, typed_as_datetime)


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that is not read yet."""

    content_type: str
    content_length: int
    """What the request says; 0 if it does not say."""
    chunks: AsyncIterator[bytes]


Takes = Callable[[Context, Upload], AbstractAsyncContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation on all of its paths; `handle` answers a structure to be encoded."""

    id: str
    """The number of the operation in the compatibility page, as V3-3."""
    name: str
    method: str
    paths: Sequence[str]
    """Below the dialect's base, the account as `{account}`; the vendor's own SDK calls the first one."""
    handle: Callable[[Call], Awaitable[Any]]
    summary: str
    response: type
    evidence: Evidence
    request: type | None = None
    query: Sequence[str] = ()
    notes: str = ""
    sdk: str = ""
    """Where the vendor's Python SDK has it: controller.method."""
    takes: Takes | None = None
    """Reads the body as a stream, once tokens and account are checked; `request` then describes a form."""
    account_member: str = ""
    """The member of the body that names the account, where no path does."""
