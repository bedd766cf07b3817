"""Rows to words and back are the same rows, whatever they are; reading and laying out documents."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fotapool.services.snapshots.document_from_rows import describe_rows
from fotapool.services.snapshots.rows_from_document import read_image
from fotapool.services.snapshots.seed_documents import SeedDocument
from fotapool.services.snapshots.snapshot_documents import Snapshot, format_document, read_document
from fotapool.store.db.connection import Row
from fotapool.store.snapshots import NUMBERED, SHAPES
from support.helpers import NOW_MS

MOMENTS = st.sampled_from([0, 1, NOW_MS, NOW_MS + 1])
WORDS = st.sampled_from(["", "a", "null", "1.10", "é"])


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, list[Row]]:
    """One account with devices in short runs, which differ here and there."""
    rows: dict[str, list[Row]] = {table: [] for table in SHAPES}
    imei, place, licenses = 0, 1, []
    for _ in range(draw(st.integers(0, 8))):
        imei += draw(st.sampled_from([1, 1, 2]))
        created_ms = draw(MOMENTS)
        alike = (
            draw(WORDS),
            "M",
            "1",
            "HTTP",
            draw(st.sampled_from(["", "", "555"])),
            "Active",
            created_ms,
            draw(st.sampled_from([created_ms, NOW_MS + 7])),
            None,
            None,
            draw(st.none() | MOMENTS),
            0,
        )
        for _ in range(draw(st.integers(1, 4))):
            rows["device"].append((3, imei, *alike))
            if draw(st.booleans()):
                notice = draw(st.sampled_from([(None, None), (None, None), (NOW_MS, 9)]))
                state = draw(st.sampled_from([0, 0, 1])) + 2 * (notice[0] is not None)
                licenses.append((3, imei, draw(MOMENTS), place, state, *notice))
                place += draw(st.sampled_from([1, 1, 3]))
            imei += 1
    candidates = draw(st.lists(st.integers(0, 20), unique=True, max_size=4))
    notices = sum(row[5] is not None for row in licenses)
    rows["license"] = licenses
    rows["account"] = [(3, "a", "TS-HFOTA-MRC", "suspended", NOW_MS, 3 if draw(st.booleans()) else 0, "Ä b", "a\nb")]
    rows["device"] = [(*row[:-1], rows["account"][0][5]) for row in rows["device"]]
    rows["candidate"] = [(3, number, device) for number, device in enumerate(candidates)]
    rows["license_pool"] = [(3, 99, len(licenses), notices, 0, 0, len(candidates), draw(MOMENTS), draw(MOMENTS))]
    secret = draw(st.none() | st.sampled_from(["", "null", "~", "5"]))
    rows["listener"] = [(3, "v3", "http://a", None, secret, NOW_MS)]
    rows["delivery"] = [(5, 3, "v3", draw(WORDS), draw(st.none() | st.binary(max_size=4)), 1, 0, NOW_MS, None, None)]
    return rows


@settings(deadline=None, max_examples=150)
@given(worlds())
def test_rows_to_a_document_and_back_are_the_same_rows(rows: dict[str, list[Row]]) -> None:
    data = format_document(describe_rows(rows, NOW_MS, dict.fromkeys(NUMBERED, 50)))
    for document in (data, yaml.safe_dump(json.loads(data)).encode()):
        snapshot = read_document(document)
        assert isinstance(snapshot, Snapshot)
        world = read_image(snapshot)
        assert world.rows == rows
        assert (world.timestamp_ms, world.last_ids) == (NOW_MS, dict.fromkeys(NUMBERED, 50))


def test_a_document_has_a_line_for_each_value_without_nested_lists() -> None:
    document: dict[str, Any] = {"a": {"b": 1, "c": []}, "d": [{"e": 2}, [3, 4]], "f": {}, "g": []}
    text = format_document(document).decode()
    assert text.splitlines() == [
        "{",
        ' "a": {',
        '  "b": 1,',
        '  "c": []',
        " },",
        ' "d": [',
        '  {"e":2},',
        "  [3,4]",
        " ],",
        ' "f": {},',
        ' "g": []',
        "}",
    ]
    assert json.loads(text) == document


def test_a_seed_document_is_read_as_before() -> None:
    for text in (b"accounts: [{name: 010}]", b'{"accounts": [{"name": "010"}]}'):
        document = read_document(text)
        assert isinstance(document, SeedDocument)
        assert document.accounts[0].name == "010"
    assert isinstance(read_document(b"accounts: [{name: snapshot}]"), SeedDocument)
