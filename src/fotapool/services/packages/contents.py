"""Contents of files and packages: streamed to the storage, counted and hashed on the way, deleted if not recorded."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator

import msgspec

from fotapool.core.logs.events import Log, LogEvent
from fotapool.domain.errors import ErrorCode, Invalid, NotFound, RequestRejected
from fotapool.services.commands import DirectCommand
from fotapool.services.context import Context
from fotapool.store.db.connection import Connection, StoreUnavailable
from fotapool.store.packages.contents import Content, read_package_content, record_package_content

log = Log(__name__)

MAX_IDLE_S = 60
"""Maximum pause of an upload, in seconds: uploads in progress are limited."""


class ContentsUnavailable(StoreUnavailable):
    """The storage of contents does not answer."""


class ContentLost(NotFound):
    """The storage lacks a content that the database refers to, or has another size of it."""

    def __init__(self) -> None:
        super().__init__("the content is missing from the storage or incomplete; an operator has to upload it again")


class _Counted:
    """Chunks on their way to the storage: their hash, their size in bytes, and the error that ended them."""

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


async def store_content(context: Context, chunks: AsyncIterator[bytes], owner: str = "") -> Content:
    """Stores the chunks under a new key, which no row refers to yet (see `purge_content`).

    Raises RequestRejected(FILE_TOO_LARGE) beyond `max_file_bytes`, ContentsUnavailable, and what the chunks raise; then
    nothing is stored.
    """
    key = context.new_uuid()
    counted = _Counted(chunks, context.settings.max_file_bytes)
    try:
        await context.contents.store(key, counted.read(), owner)
    except Exception:
        if counted.error is not None:
            raise counted.error from None  # the storage may have wrapped it in its own error
        raise
    return Content(key, counted.size, counted.sha256)


async def is_content_lost(context: Context, content: Content) -> bool:
    """Whether the storage lacks the content or a part of it. False if the storage does not answer."""
    try:
        await context.contents.check(content.key, content.size)
    except ContentLost:
        return True
    except ContentsUnavailable as error:
        log.write(LogEvent.CONTENT_UNCHECKED, key=content.key, reason=error)
    return False


async def purge_content(context: Context, key: str) -> None:
    """Deletes a content that no row refers to. If the storage fails, logs it; the content remains unused."""
    try:
        await context.contents.delete(key)
    except ContentsUnavailable as error:
        log.write(LogEvent.CONTENT_NOT_DELETED, key=key, reason=error)


class PendingContent(msgspec.Struct):
    """A stored content that no row refers to yet; set `recorded` once the row is committed."""

    content: Content
    recorded: bool = False


@contextlib.asynccontextmanager
async def pending_content(
    context: Context, chunks: AsyncIterator[bytes], owner: str = ""
) -> AsyncIterator[PendingContent]:
    """Stores a content, and deletes it at the end unless it was recorded. Raises as `store_content`."""
    pending = PendingContent(await store_content(context, chunks, owner))
    try:
        yield pending
    finally:
        if not pending.recorded:
            await purge_content(context, pending.content.key)


async def set_package_content(context: Context, name: str, chunks: AsyncIterator[bytes]) -> Content:
    """Sets or replaces a package's content. Raises NotFound, Invalid for an empty content, and as `store_content`."""
    await package_content(context, name)  # fails before anything is read for a package that does not exist

    def change(connection: Connection, now_ms: int) -> Content | None:
        replaced = _known(read_package_content(connection, name), name)
        record_package_content(connection, name, pending.content)
        context.audit.record(connection, now_ms, _shown(replaced[0]), _shown(pending.content))
        return replaced[0]

    async with pending_content(context, chunks) as pending:
        if not pending.content.size:
            raise Invalid("the content is empty; send the package's bytes as the body")
        replaced = await context.writer.submit(DirectCommand(change))
        pending.recorded = True
    if replaced is not None:
        await purge_content(context, replaced.key)
    return pending.content


def _shown(content: Content | None) -> dict[str, object] | None:
    """The content as the audit log shows it."""
    return None if content is None else {"size": content.size, "sha256": content.sha256}


async def package_content(context: Context, name: str) -> Content | None:
    """The content of a package, or None if it has none. Raises NotFound."""
    return _known(None if "\x00" in name else await context.reader.short(read_package_content, name), name)[0]


async def is_package_content_lost(context: Context, name: str) -> bool:
    """Whether a content was uploaded for the package, and is lost. Raises NotFound."""
    content = await package_content(context, name)
    return content is not None and await is_content_lost(context, content)


def _known(found: tuple[Content | None] | None, name: str) -> tuple[Content | None]:
    if found is None:
        raise NotFound(f"package {name[:100]} does not exist")
    return found
