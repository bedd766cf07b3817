"""Creates a snapshot of the whole database as one document, and restores one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256

import msgspec

from fotapool.core.clock import MovableClock
from fotapool.core.timestamps import format_timestamp
from fotapool.domain.errors import Conflict, Invalid
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.services.identity.stored_secrets import open_rows, seal_rows
from fotapool.services.packages.contents import ContentLost
from fotapool.services.snapshots.document_from_rows import Members, describe_rows
from fotapool.services.snapshots.rows_from_document import MAX_ROWS, DatabaseImage
from fotapool.services.snapshots.snapshot_documents import MAX_SNAPSHOT_BYTES, format_document
from fotapool.store.db.audit import read_audit
from fotapool.store.db.connection import Connection
from fotapool.store.packages.contents import Content
from fotapool.store.snapshots import SHAPES, Rows, count_rows, read_last_ids, read_rows, replace_rows

MAX_CONTENTS_BYTES = 32 * 1024 * 1024
"""Maximum bytes of contents in a snapshot; of further contents it has the key, size and hash only."""


class RestoredSnapshot(msgspec.Struct, frozen=True):
    """A snapshot that was restored: its time (ms), and the hash of its bytes."""

    timestamp_ms: int
    digest: bytes


def digest_of(data: bytes) -> bytes:
    """The SHA-256 hash of the bytes."""
    return sha256(data).digest()


async def create_snapshot(context: Context, now_ms: int, restored: RestoredSnapshot | None = None) -> bytes:
    """The whole database as a JSON document, dated `now_ms`.

    If only the time has changed since `restored`, the document is the restored one with its time. Raises Conflict if
    the document would be too large, and ContentsUnavailable.
    """

    def read(connection: Connection) -> tuple[Members, list[Content]]:
        if count_rows(connection, MAX_ROWS) > MAX_ROWS:
            raise Conflict(
                f"the server holds more than {MAX_ROWS} rows; copy its database instead (docs/how-to/snapshots.md)"
            )
        rows = open_rows(context.secrets, read_rows(connection))
        return describe_rows(rows, now_ms, read_last_ids(connection)), _contents(rows)

    document, contents = await context.reader.long(read)
    found = [(one.key, await _read_content(context, one)) for one in contents]
    stored = [{"key": key, "octets": content} for key, content in found if content is not None]
    if stored:
        document["contents"] = stored
    data = await asyncio.to_thread(_encode, document, restored)
    if len(data) > MAX_SNAPSHOT_BYTES:
        raise Conflict(f"the snapshot would have more than {MAX_SNAPSHOT_BYTES // 1024**2} MiB; copy the database")
    return data


def _encode(document: Members, restored: RestoredSnapshot | None) -> bytes:
    data = format_document(document)
    if restored is not None:
        now, then = document["snapshot"]["now"], format_timestamp(restored.timestamp_ms)
        as_restored = data.replace(now.encode(), then.encode(), 1)
        if digest_of(as_restored) == restored.digest:
            return as_restored
    return data


def _contents(rows: Rows) -> list[Content]:
    """The contents to include: by key, up to MAX_CONTENTS_BYTES."""
    found = {content.key: content for content in _all_contents(rows)}
    chosen, size = [], 0
    for key in sorted(found):
        if size + found[key].size <= MAX_CONTENTS_BYTES:
            chosen.append(found[key])
            size += found[key].size
    return chosen


def _all_contents(rows: Rows) -> list[Content]:
    contents = []
    for table in ("package", "configuration_file"):
        names = SHAPES[table].names
        key, size, digest = (names.index(name) for name in ("content_key", "content_size", "content_sha256"))
        contents += [Content(row[key], row[size], row[digest]) for row in rows[table] if row[key] is not None]
    return contents


async def _read_content(context: Context, content: Content) -> bytes | None:
    """The content, or None if it is lost."""
    try:
        chunks = await context.contents.read(content.key, content.size, 0, content.size)
        return b"".join([chunk async for chunk in chunks])
    except ContentLost:
        return None


async def restore_image(context: Context, image: DatabaseImage) -> None:
    """Replaces the database by the image, and sets the clock to its time. Steps and deliveries must be paused.

    Raises Invalid if the image violates an invariant, and ContentsUnavailable; then nothing has changed.
    """
    await store_contents(context, image)

    def change(connection: Connection, now_ms: int) -> None:
        restore_rows(connection, context, image, audited=False)
        context.audit.record(connection, now_ms)

    devices = sum(len(rows) for rows in image.rows.values())
    await context.writer.submit(DirectCommand(change, alone=True, devices=devices))


async def store_contents(context: Context, image: DatabaseImage) -> None:
    """Stores the contents of the image. Raises Invalid for one that no row refers to."""
    known = {content.key: content for content in _all_contents(image.rows)}
    for place, content in enumerate(image.contents):
        expected = known.get(content.key)
        if expected is None or not _matches(content.data, expected):
            raise Invalid(f"contents[{place}]: no file or package has this key, size and sum")
        await context.contents.store(content.key, _chunks(content.data))


def _matches(data: bytes, expected: Content) -> bool:
    return len(data) == expected.size and sha256(data).hexdigest() == expected.sha256


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


def restore_rows(connection: Connection, context: Context, image: DatabaseImage, audited: bool) -> None:
    """Replaces all rows and sets the clock, within a transaction that is rolled back if this raises Invalid.

    `audited`: the image is known to pass the audit.
    """
    replace_rows(connection, seal_rows(context.secrets, image.rows))
    for account in () if audited else image.rows["account"]:
        for check in read_audit(connection, account[0]):
            if not check.ok:
                raise Invalid(f"account {account[1]}: it does not hold that {check.says}: {check.found}")
    connection.record_last_ids(image.last_ids)
    if isinstance(context.clock, MovableClock):
        context.clock.set_to(image.timestamp_ms)
