"""Stores contents in a directory, in memory or in an object store, through obstore."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

import obstore
from obstore.exceptions import BaseError
from obstore.store import MemoryStore, from_url

from fotapool.core.files import flush_to_disk, make_private
from fotapool.core.logs.events import Log, LogEvent
from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.packages.contents import ContentLost, ContentsUnavailable

log = Log(__name__)

DIRECTORY = "fotapool-files"
"""The default directory: beside the SQLite file, or in the working directory."""
PART_BYTES = 5 * 1024 * 1024
"""Size of an upload's parts, which are buffered in memory: the minimum of S3."""
READ_BYTES = 512 * 1024
"""Size of a download's reads, so that a slow device does not hold a file or connection open."""
RETRIES = 3
RETRY_WITHIN_S = 20
"""Maximum time for retries of an object store that does not answer."""
UPLOADS_AT_ONCE = 32
UPLOADS_OF_ONE = 4
"""The defaults of --max-uploads and --max-uploads-per-account; further uploads are rejected as BUSY."""


def default_storage(database_path: str | None) -> str:
    """The URL of the default directory; `database_path` is that of a SQLite database, or None."""
    base = Path(database_path).parent if database_path else Path.cwd()
    return (base / DIRECTORY).absolute().as_uri()


class Storage:
    """The contents under a URL: file:///directory, memory:/// or an object store's, as s3://bucket/prefix.

    Raises ValueError for other URLs, and for a directory that cannot be one. It is created with the first content.
    """

    def __init__(
        self, url: str, durable: bool = True, at_once: int = UPLOADS_AT_ONCE, of_one: int = UPLOADS_OF_ONE
    ) -> None:
        self._url = url
        self._directory = storage_directory(url)
        self._durable = durable
        self._uploads = 0
        self._uploads_of: Counter[str] = Counter()
        self._at_once = at_once
        self._of_one = of_one
        self._store: Any = None
        if self._directory is None:
            self._store = _open(url)
        else:
            _check_directory(url, self._directory)
            make_private(self._directory)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[Any]:
        try:
            if self._store is None:
                self._store = from_url(self._url, mkdir=True)
            yield self._store
        except (BaseError, OSError) as error:
            where, why = _without_query(self._url), _first_line(error, self._url)
            log.write(LogEvent.STORAGE_FAILED, storage=where, reason=why)
            raise ContentsUnavailable(f"the storage {where} failed: {why}") from error

    async def store(self, key: str, chunks: AsyncIterator[bytes], owner: str = "") -> None:
        """See fotapool.services.context.Contents. Raises RequestRejected(BUSY) if too many uploads are under way."""
        if self._uploads >= self._at_once or (owner and self._uploads_of[owner] >= self._of_one):
            raise RequestRejected(ErrorCode.BUSY)
        self._uploads += 1
        self._uploads_of[owner] += 1
        try:
            with self._translated() as store:
                await obstore.put_async(store, key, chunks, chunk_size=PART_BYTES, max_concurrency=1)
                if self._directory is not None and self._durable:
                    path = self._directory / key
                    await asyncio.to_thread(flush_to_disk, path, path.parent)
        finally:
            self._uploads -= 1
            self._uploads_of[owner] -= 1
            if not self._uploads_of[owner]:
                del self._uploads_of[owner]

    async def check(self, key: str, size: int) -> None:
        """See fotapool.services.context.Contents."""
        with self._translated() as store, _lost_if_missing(key):
            _check_size(key, size, (await obstore.head_async(store, key))["size"])

    async def read(self, key: str, size: int, first: int, end: int) -> AsyncIterator[bytes]:
        """See fotapool.services.context.Contents. Raises before the first chunk, if that is missing."""
        if first == end:
            await self.check(key, size)
            return self._parts(key, size=size, chunk=b"", first=first, end=end)
        return self._parts(key, size=size, chunk=await self._part(key, size, first, end), first=first, end=end)

    async def _part(self, key: str, size: int, first: int, end: int) -> bytes:
        options: Any = {"range": (first, min(end, first + READ_BYTES))}
        try:
            with self._translated() as store, _lost_if_missing(key):
                found = await obstore.get_async(store, key, options=options)
                _check_size(key, size, found.meta["size"])
                return bytes(await found.bytes_async())
        except ContentsUnavailable:  # perhaps because the range lies beyond the end
            await self.check(key, size)
            raise

    async def _parts(self, key: str, size: int, chunk: bytes, first: int, end: int) -> AsyncIterator[bytes]:
        while chunk:
            yield chunk
            first += len(chunk)
            chunk = await self._part(key, size, first, end) if first < end else b""

    async def delete(self, key: str) -> None:
        with self._translated() as store, contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(store, key)


@contextlib.contextmanager
def _lost_if_missing(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        log.write(LogEvent.CONTENT_MISSING, key=key)
        raise ContentLost from error


def _check_size(key: str, size: int, found: int) -> None:
    """Raises ContentLost."""
    if found != size:
        log.write(LogEvent.CONTENT_INCOMPLETE, key=key, found=found, size=size)
        raise ContentLost


def _open(url: str) -> Any:
    """Raises ValueError."""
    if url.startswith("memory:"):
        return MemoryStore()
    try:
        retries = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_WITHIN_S)}
        return from_url(url, retry_config=cast(Any, retries))
    except (BaseError, ValueError) as error:
        why = _first_line(error, url)
        raise ValueError(f"storage {_without_query(url)}: {why}; see docs/reference/files.md") from error


def storage_directory(url: str) -> Path | None:
    """The directory of a file URL, or None. Raises ValueError if it is not absolute."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    if parts.netloc or not parts.path.startswith("/"):
        raise ValueError(
            f"storage {_without_query(url)}: a directory is named with three slashes and its whole path, file:///directory"
        )
    return Path(url2pathname(parts.path))


def _check_directory(url: str, directory: Path) -> None:
    """Raises ValueError if the directory, or the one in which it would be created, is a file or is not writable."""
    found = next(path for path in (directory, *directory.parents) if os.path.lexists(path))
    if not found.is_dir():
        raise ValueError(f"storage {url}: {found} is not a directory")
    if not os.access(found, os.W_OK | os.X_OK):
        raise ValueError(f"storage {url}: the directory {found} is not writable")


def _without_query(url: str) -> str:
    """The URL without credentials and query, which may contain secrets."""
    parts = urlsplit(url)
    path = parts.path if parts.netloc else parts.path.rpartition("@")[2]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"


def _first_line(error: Exception, url: str) -> str:
    """The first line of the error's message, without the credentials of the storage's URL."""
    return str(error).replace(url, _without_query(url)).partition("\n")[0]
