"""One page of a long list: its rows, its filter, and links to the first and the next page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from fotapool.console.app.rendering import with_query

Row = TypeVar("Row")


class Listing(msgspec.Struct, Generic[Row], frozen=True):
    """The rows of one page.

    `cursor` is where this page starts and `next_cursor` where the next one does; both are None at the ends of the
    list. `parameter` is the name of the cursor in the query. `searched` is the number of records that are read for
    one page at most: fewer rows do not mean that the list has ended.
    """

    rows: Sequence[Row]
    cursor: Any = None
    next_cursor: Any = None
    query: Mapping[str, str] = msgspec.field(default_factory=dict)
    parameter: str = "before"
    searched: int = 0

    @classmethod
    def after(
        cls,
        rows: Sequence[Row],
        limit: int,
        cursor: Any,
        cursor_of: Callable[[Row], Any],
        query: Mapping[str, str] | None = None,
    ) -> Listing[Row]:
        """The page after a row, from `limit` + 1 rows; `cursor_of` is the name or number by which they are sorted."""
        next_cursor = cursor_of(rows[limit - 1]) if len(rows) > limit else None
        return cls(rows[:limit], cursor=cursor, next_cursor=next_cursor, query=query or {}, parameter="after")

    @property
    def is_filtered(self) -> bool:
        """Whether other records may exist before this page or outside of its filter."""
        return bool(self.cursor) or any(self.query.values())

    @property
    def first_link(self) -> str | None:
        """A link to the first page; None on the first page."""
        return with_query(self.query) if self.cursor else None

    @property
    def next_link(self) -> str | None:
        """A link to the next page; None on the last page."""
        return None if self.next_cursor is None else with_query(self.query, **{self.parameter: self.next_cursor})
