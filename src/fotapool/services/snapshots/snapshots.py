"""Snapshots: everything that a server holds as one document, and putting it back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256

from fotapool.core.clock import MovableClock
from fotapool.domain.errors import Conflict, Invalid
from fotapool.services.accounts.accounts import DirectCommand
from fotapool.services.context import Context
from fotapool.services.snapshots.documents import MAX_SNAPSHOT_BYTES, ContentState, format_timestamp, laid_out
from fotapool.services.snapshots.rows import MAX_ROWS, World
from fotapool.services.snapshots.schemas import Words, describe_rows
from fotapool.store.db.audit import read_audit
from fotapool.store.db.connection import Connection
from fotapool.store.packages.contents import Content
from fotapool.store.snapshots import SHAPES, Rows, count_rows, read_last_ids, read_rows, replace_rows

MAX_CONTENTS_BYTES = 32 * 1024 * 1024
"""How many octets of files and packages a snapshot holds; of further ones it has the key, size and sum only."""


@dataclass(frozen=True, slots=True)
class Dated:
    """A snapshot that was put back: its moment (ms), and the sum of its octets."""

    timestamp_ms: int
    digest: bytes


def digest_of(data: bytes) -> bytes:
    return sha256(data).digest()


async def take_snapshot(context: Context, now_ms: int, put_back: Dated | None = None) -> bytes:
    """Everything that the server holds, as a document in JSON that says that it is of this moment.

    If nothing has changed since a snapshot was put back it is that one, though a clock that goes on has gone on.
    Raises Conflict if that is more than a snapshot may hold, and ContentsUnavailable.
    """

    def read(connection: Connection) -> tuple[Words, list[Content]]:
        if count_rows(connection, MAX_ROWS) > MAX_ROWS:
            raise Conflict(
                f"the server holds more than {MAX_ROWS} rows; copy its database instead (docs/how-to/snapshots.md)"
            )
        rows = read_rows(connection)
        return describe_rows(rows, now_ms, read_last_ids(connection)), _contents(rows)

    document, contents = await context.reader.long(read)
    found = [ContentState(content.key, await _octets(context, content)) for content in contents]
    if found:
        document["contents"] = [{"key": one.key, "octets": one.data} for one in found]
    data = await asyncio.to_thread(_dated, document, put_back)
    if len(data) > MAX_SNAPSHOT_BYTES:
        raise Conflict(f"the snapshot would have more than {MAX_SNAPSHOT_BYTES // 1024**2} MiB; copy the database")
    return data


def _dated(document: Words, put_back: Dated | None) -> bytes:
    data = laid_out(document)
    if put_back is not None:
        now, then = document["snapshot"]["now"], format_timestamp(put_back.timestamp_ms)
        as_put_back = data.replace(now.encode(), then.encode(), 1)
        if digest_of(as_put_back) == put_back.digest:
            return as_put_back
    return data


def _contents(rows: Rows) -> list[Content]:
    """Those that the snapshot holds: by key, as long as there is room for them."""
    found = {content.key: content for content in _all_contents(rows)}
    chosen, data = [], 0
    for key in sorted(found):
        if data + found[key].size <= MAX_CONTENTS_BYTES:
            chosen.append(found[key])
            data += found[key].size
    return chosen


def _all_contents(rows: Rows) -> list[Content]:
    contents = []
    for table in ("package", "configuration_file"):
        names = SHAPES[table].names
        key, size, digest = (names.index(name) for name in ("content_key", "content_size", "content_sha256"))
        contents += [Content(row[key], row[size], row[digest]) for row in rows[table] if row[key] is not None]
    return contents


async def _octets(context: Context, content: Content) -> bytes:
    return b"".join([chunk async for chunk in await context.contents.read(content.key, 0, content.size)])


async def put_back(context: Context, world: World) -> None:
    """Makes the world everything that there is, at its own moment. Nothing may step or send meanwhile.

    Raises Invalid if it contradicts itself, and ContentsUnavailable; everything is as it was then.
    """
    await store_contents(context, world)

    def change(connection: Connection, now_ms: int) -> None:
        restore(connection, context, world, checked=False)

    command = DirectCommand(change, alone=True)
    command.devices = sum(len(rows) for rows in world.rows.values())
    await context.writer.submit(command)


async def store_contents(context: Context, world: World) -> None:
    """Stores the contents that the world brings along. Raises Invalid for one that is not what the rows say."""
    known = {content.key: content for content in _all_contents(world.rows)}
    for place, content in enumerate(world.contents):
        expected = known.get(content.key)
        if expected is None or not _is(content.data, expected):
            raise Invalid(f"contents[{place}]: no file or package has this key, size and sum")
        await context.contents.store(content.key, _chunks(content.data))


def _is(data: bytes, expected: Content) -> bool:
    return len(data) == expected.size and sha256(data).hexdigest() == expected.sha256


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


def restore(connection: Connection, context: Context, world: World, checked: bool) -> None:
    """The same within a transaction that is under way and has to be rolled back if this raises Invalid.

    `checked`: whether it is known that the audit finds nothing in it.
    """
    replace_rows(connection, world.rows)
    for account in () if checked else world.rows["account"]:
        for check in read_audit(connection, account[0]):
            if not check.ok:
                raise Invalid(f"account {account[1]}: it does not hold that {check.says}: {check.found}")
    connection.record_last_ids(world.last_ids)
    if isinstance(context.clock, MovableClock):
        context.clock.set_to(world.timestamp_ms)
