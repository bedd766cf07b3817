"""Ranges of a content, as RFC 9110 has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fotapool.device.ranges import Unsatisfiable, entity_tag, parse_range

TAG = entity_tag("ab" * 32)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-", (0, 100)),
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("BYTES= 5-9 ", (5, 10)),
        ("bytes=99-", (99, 100)),
        ("bytes=9-5", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes=a-b", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-5", None),
        ("bytes=--5", None),
        ("bytes=0-99999999999999999999", None),
        ("bytes=\u0661-\u0665", None),
        ("", None),
    ],
)
def test_a_range_is_read(header: str | None, part: tuple[int, int] | None) -> None:
    assert parse_range(header, None, TAG, 100) == part


@pytest.mark.parametrize(("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-", 0), ("bytes=-5", 0)])
def test_a_range_beyond_the_end_cannot_be_satisfied(header: str, size: int) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(header, None, TAG, size)


@pytest.mark.parametrize("if_range", ['"other"', f"W/{TAG}", "Tue, 10 Mar 2026 12:00:00 GMT", ""])
def test_a_part_of_another_content_is_not_asked_for(if_range: str) -> None:
    assert parse_range("bytes=5-", if_range, TAG, 100) is None
    assert parse_range("bytes=5-", TAG, TAG, 100) == (5, 100)


@given(st.text(max_size=30), st.integers(0, 1000))
def test_whatever_is_asked_a_part_lies_in_the_content(text: str, size: int) -> None:
    for header in (text, f"bytes={text}"):
        try:
            part = parse_range(header, None, TAG, size)
        except Unsatisfiable:
            continue
        assert part is None or 0 <= part[0] < part[1] <= size
