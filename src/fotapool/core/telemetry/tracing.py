"""What the layers call to be traced. It does nothing unless the server sends traces (`otel.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

Headers = Iterable[tuple[bytes, bytes]]
Parent = Any
"""The span of a request that is recorded, or None."""
NOTHING: AbstractContextManager[None] = nullcontext()
"""The context of what is not traced."""


class Span(Protocol):
    """A span that is being recorded, or not."""

    headers: Mapping[str, str]
    """The header `traceparent` for a request to another server; empty if the span is not recorded."""

    def end(self, name: str, attributes: Mapping[str, str | int], failed: bool) -> None:
        """Names what was done. An empty name leaves it as it is."""


class _NoSpan(Span):
    headers: Mapping[str, str] = {}

    def end(self, name: str, attributes: Mapping[str, str | int], failed: bool) -> None:
        pass


_NO_SPAN: AbstractContextManager[Span] = nullcontext(_NoSpan())


class Tracing:
    """Traces nothing."""

    is_on = False

    def request(self, method: str, headers: Headers) -> AbstractContextManager[Span | None]:
        """The span of a request, or None if it is not recorded; continues the trace that `traceparent` names."""
        return NOTHING

    def parent(self) -> Parent:
        """The span of the present request, if it is recorded, for the batch that its change becomes part of."""
        return None

    def batch(self, parents: Iterable[Parent], size: int) -> AbstractContextManager[None]:
        """The span of a batch: part of the first request that is recorded, linked to the others."""
        return NOTHING

    def statements(self, what: Any) -> AbstractContextManager[None]:
        """The span of a group of statements within a request or batch; `what` is its name, or its function."""
        return NOTHING

    def callback(self, account_id: int, style: str) -> AbstractContextManager[Span]:
        """The span of an attempt to deliver a callback."""
        return _NO_SPAN

    def bound(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """The function, for another thread, where its spans belong to the present one."""
        return work

    async def stop(self) -> None:
        """Sends what is not sent yet."""


OFF = Tracing()
