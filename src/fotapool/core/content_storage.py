"""Keeps contents in a directory, in memory or in an object store, through the library obstore."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

import obstore
from obstore.exceptions import BaseError
from obstore.store import MemoryStore, from_url

from fotapool.domain.errors import ErrorCode, RequestRejected
from fotapool.services.packages.contents import ContentsUnavailable

log = logging.getLogger(__name__)

DIRECTORY = "fotapool-files"
"""Where contents are kept if nothing else is said: beside the SQLite file, or in the working directory."""
PART_BYTES = 5 * 1024 * 1024
"""What an upload holds in memory before it goes to the storage: the smallest part that S3 takes."""
READ_BYTES = 512 * 1024
"""What a download reads at a time, so that a slow device keeps neither a file nor a connection open."""
RETRIES = 3
RETRY_WITHIN_S = 20
"""How long an object store that does not answer is asked again."""
UPLOADS_AT_ONCE = 32
"""How many contents one process takes at a time; one more is refused as BUSY."""


def default_storage(database_path: str | None) -> str:
    """The URL of the directory that is used if nothing else is said; a SQLite database has its path."""
    base = Path(database_path).parent if database_path else Path.cwd()
    return (base / DIRECTORY).absolute().as_uri()


class Storage:
    """Contents under one URL: file:///directory, memory:/// or an object store's, as s3://bucket/prefix.

    Raises ValueError for a URL that is none of these. A directory is made when the first content comes.
    """

    def __init__(self, url: str, durable: bool = True) -> None:
        self._url = url
        self._directory = _directory(url)
        self._durable = durable
        self._uploads = 0
        self._store: Any = None
        if self._directory is None:
            self._store = _open(url)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[Any]:
        try:
            if self._store is None:
                self._store = from_url(self._url, mkdir=True)
            yield self._store
        except (BaseError, OSError) as error:
            where, why = _without_query(self._url), _first_line(error)
            log.warning("the storage %s failed: %s", where, why)
            raise ContentsUnavailable(f"the storage {where} failed: {why}") from error

    async def store(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """See fotapool.services.context.Contents. Raises RequestRejected(BUSY) beyond UPLOADS_AT_ONCE."""
        if self._uploads >= UPLOADS_AT_ONCE:
            raise RequestRejected(ErrorCode.BUSY)
        self._uploads += 1
        try:
            with self._translated() as store:
                await obstore.put_async(store, key, chunks, chunk_size=PART_BYTES, max_concurrency=1)
                if self._directory is not None and self._durable:
                    await asyncio.to_thread(_flush_to_disk, self._directory / key)
        finally:
            self._uploads -= 1

    async def read(self, key: str, first: int, end: int) -> AsyncIterator[bytes]:
        """See fotapool.services.context.Contents; raises ContentsUnavailable before the first chunk if it is gone."""
        chunk = await self._part(key, first, end)
        return self._parts(key, chunk, first, end)

    async def _part(self, key: str, first: int, end: int) -> bytes:
        if first == end:
            return b""
        with self._translated() as store:
            return bytes(await obstore.get_range_async(store, key, start=first, end=min(end, first + READ_BYTES)))

    async def _parts(self, key: str, chunk: bytes, first: int, end: int) -> AsyncIterator[bytes]:
        while chunk:
            yield chunk
            first += len(chunk)
            chunk = await self._part(key, first, end)

    async def delete(self, key: str) -> None:
        with self._translated() as store, contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(store, key)


def _open(url: str) -> Any:
    """Raises ValueError."""
    if url.startswith("memory:"):
        return MemoryStore()
    try:
        retries = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_WITHIN_S)}
        return from_url(url, retry_config=cast(Any, retries))
    except (BaseError, ValueError) as error:
        raise ValueError(f"storage {_without_query(url)}: {_first_line(error)}; see docs/reference/files.md") from error


def _directory(url: str) -> Path | None:
    """The directory of a file URL. Raises ValueError for one that is not absolute."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    if parts.netloc or not parts.path.startswith("/"):
        raise ValueError(
            f"storage {url}: a directory is named with three slashes and its whole path, file:///directory"
        )
    return Path(url2pathname(parts.path))


def _flush_to_disk(path: Path) -> None:
    """So that a content outlasts a power cut at least as well as the row that refers to it."""
    for place in (path, path.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _without_query(url: str) -> str:
    """The URL without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
