"""Storing contents beside the database: streamed, counted and summed on the way, deleted if nobody keeps them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator

from fotapool.domain.errors import ErrorCode, Invalid, NotFound, RequestRejected
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.store.db.connection import Connection, StoreUnavailable
from fotapool.store.packages.contents import Content, read_package_content, record_package_content

log = logging.getLogger(__name__)

MAX_IDLE_S = 60
"""How long an upload may pause, in seconds: each takes one of few places."""


class ContentsUnavailable(StoreUnavailable):
    """The storage of contents does not answer, or lacks a content that the database knows of."""


class _Counted:
    """Chunks on their way to the storage: their sum, their number of octets, and what broke them off."""

    def __init__(self, chunks: AsyncIterator[bytes], limit_bytes: int) -> None:
        self._chunks = chunks
        self._limit_bytes = limit_bytes
        self._digest = hashlib.sha256()
        self.size = 0
        self.error: Exception | None = None

    async def read(self) -> AsyncIterator[bytes]:
        try:
            while True:
                async with asyncio.timeout(MAX_IDLE_S):
                    chunk = await anext(self._chunks, None)
                if chunk is None:
                    return
                self.size += len(chunk)
                if self.size > self._limit_bytes:
                    raise RequestRejected(ErrorCode.FILE_TOO_LARGE)
                self._digest.update(chunk)
                if chunk:
                    yield chunk
        except TimeoutError as error:
            self.error = RequestRejected(ErrorCode.BODY_INVALID, f"nothing came for {MAX_IDLE_S} seconds")
            raise self.error from error
        except Exception as error:
            self.error = error
            raise

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


async def store_content(context: Context, chunks: AsyncIterator[bytes]) -> Content:
    """Stores the chunks under a new key; nobody refers to it yet, so see `purge_content`.

    Raises RequestRejected(FILE_TOO_LARGE) beyond `max_file_bytes`, ContentsUnavailable, and whatever the chunks raise;
    nothing
    is kept then.
    """
    key = context.new_uuid()
    counted = _Counted(chunks, context.settings.max_file_bytes)
    try:
        await context.contents.store(key, counted.read())
    except Exception:
        if counted.error is not None:
            raise counted.error from None  # the storage may have dressed it up as an error of its own
        raise
    return Content(key, counted.size, counted.sha256)


async def purge_content(context: Context, key: str) -> None:
    """Deletes a content that nobody refers to. If the storage fails it stays behind, which harms nobody."""
    try:
        await context.contents.delete(key)
    except ContentsUnavailable as error:
        log.warning("content %s stays behind, though nothing refers to it: %s", key, error)


class Stored:
    """A content that waits for the row that refers to it."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.kept = False

    def keep(self) -> None:
        """To be called once the row has committed."""
        self.kept = True


@contextlib.asynccontextmanager
async def stored_until_kept(context: Context, chunks: AsyncIterator[bytes]) -> AsyncIterator[Stored]:
    """Stores a content, and deletes it at the end unless `keep` was called. Raises as `store_content`."""
    stored = Stored(await store_content(context, chunks))
    try:
        yield stored
    finally:
        if not stored.kept:
            await purge_content(context, stored.content.key)


async def set_package_content(context: Context, name: str, chunks: AsyncIterator[bytes]) -> Content:
    """Gives a package its content in place of the one it may have.

    Raises NotFound, Invalid for no data at all, and as `store_content`.
    """
    await package_content(context, name)  # so that nothing is read for a package that does not exist

    def change(connection: Connection, now_ms: int) -> Content | None:
        replaced = _known(read_package_content(connection, name), name)
        record_package_content(connection, name, stored.content)
        return replaced[0]

    async with stored_until_kept(context, chunks) as stored:
        if not stored.content.size:
            raise Invalid("the content is empty; send the package's bytes as the body")
        replaced = await context.writer.submit(DirectCommand(change))
        stored.keep()
    if replaced is not None:
        await purge_content(context, replaced.key)
    return stored.content


async def package_content(context: Context, name: str) -> Content | None:
    """The content of a package, or None if it has none. Raises NotFound."""
    return _known(None if "\x00" in name else await context.reader.short(read_package_content, name), name)[0]


def _known(found: tuple[Content | None] | None, name: str) -> tuple[Content | None]:
    if found is None:
        raise NotFound(f"package {name[:100]} does not exist")
    return found
