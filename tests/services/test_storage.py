"""The storage of contents: in a directory, in memory, and what it says of URLs that are none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fotapool.core.content_storage import READ_BYTES, UPLOADS_AT_ONCE, UPLOADS_OF_ONE, Storage, default_storage
from fotapool.domain.errors import RequestRejected
from fotapool.services.packages.contents import ContentLost

OCTETS = bytes(range(256)) * 1000


async def chunks(*found: bytes) -> AsyncIterator[bytes]:
    for chunk in found:
        yield chunk


async def whole(storage: Storage, key: str, size: int, first: int, end: int) -> bytes:
    return b"".join([chunk async for chunk in await storage.read(key, size, first, end)])


@pytest.fixture(params=["directory", "memory", "a fresh directory with an odd name"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "memory":
        return Storage("memory:///")
    return Storage((tmp_path / "käse & more" / request.param).as_uri())


def test_what_is_stored_is_read_whole_and_in_parts_until_it_is_deleted(storage: Storage) -> None:
    async def check() -> None:
        await storage.store("key", chunks(OCTETS[:1000], OCTETS[1000:]))
        await storage.store("empty", chunks())
        assert await whole(storage, "key", len(OCTETS), 0, len(OCTETS)) == OCTETS
        assert await whole(storage, "key", len(OCTETS), 10, 20) == OCTETS[10:20]
        assert await whole(storage, "empty", 0, 0, 0) == b""
        await storage.delete("key")
        await storage.delete("key")
        with pytest.raises(ContentLost):
            await whole(storage, "key", len(OCTETS), 0, 10)

    asyncio.run(check())


def test_a_content_of_another_size_is_lost_and_not_a_byte_of_it_is_read(storage: Storage) -> None:
    async def check() -> None:
        await storage.store("key", chunks(OCTETS[:1000]))
        await storage.store("empty", chunks())
        await storage.check("key", 1000)
        for key, size in (("key", 1001), ("key", 999), ("empty", 1), ("none", 0), ("none", 1000)):
            for first, end in ((0, size), (0, 1), (1, 1), (size, size)):
                with pytest.raises(ContentLost):
                    await storage.read(key, size, first, end)
            with pytest.raises(ContentLost):
                await storage.check(key, size)

    asyncio.run(check())


def test_a_content_that_is_cut_short_while_it_is_read_breaks_the_download_off(tmp_path: Path) -> None:
    storage, size = Storage(tmp_path.as_uri()), 2 * READ_BYTES + 1

    async def check() -> None:
        await storage.store("key", chunks(bytes(size)))
        read = await storage.read("key", size, 0, size)
        assert len(await anext(read)) == READ_BYTES
        (tmp_path / "key").write_bytes(bytes(READ_BYTES + 1))
        with pytest.raises(ContentLost):
            await anext(read)

    asyncio.run(check())


def test_an_upload_that_breaks_off_leaves_nothing(storage: Storage) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"x" * 65_536
        raise LookupError("broken off")

    async def check() -> None:
        with pytest.raises(LookupError):
            await storage.store("key", broken())
        with pytest.raises(ContentLost):
            await storage.read("key", 10, 0, 10)

    asyncio.run(check())


def test_an_upload_that_is_canceled_leaves_nothing(tmp_path: Path) -> None:
    storage = Storage(tmp_path.as_uri())

    async def check() -> None:
        begun = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            yield b"x" * 6_000_000
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(storage.store("key", endless()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ContentLost):
            await storage.read("key", 10, 0, 10)

    asyncio.run(check())


def test_one_upload_more_than_at_once_is_refused_as_busy(storage: Storage) -> None:
    async def check() -> None:
        done, begun = asyncio.Event(), asyncio.Semaphore(0)

        async def waiting() -> AsyncIterator[bytes]:
            begun.release()
            await done.wait()
            yield b"x"

        tasks = [asyncio.create_task(storage.store(f"key{number}", waiting())) for number in range(UPLOADS_AT_ONCE)]
        for _ in tasks:
            await begun.acquire()
        with pytest.raises(RequestRejected):
            await storage.store("more", chunks(b"x"))
        done.set()
        await asyncio.gather(*tasks)
        await storage.store("more", chunks(b"x"))

    asyncio.run(check())


def test_one_account_cannot_hold_all_uploads(storage: Storage) -> None:
    async def check() -> None:
        done, begun = asyncio.Event(), asyncio.Semaphore(0)

        async def waiting() -> AsyncIterator[bytes]:
            begun.release()
            await done.wait()
            yield b"x"

        tasks = [
            asyncio.create_task(storage.store(f"key{number}", waiting(), "greedy")) for number in range(UPLOADS_OF_ONE)
        ]
        for _ in tasks:
            await begun.acquire()
        with pytest.raises(RequestRejected):
            await storage.store("more", chunks(b"x"), "greedy")
        await storage.store("other", chunks(b"x"), "other")
        done.set()
        await asyncio.gather(*tasks)
        await storage.store("more", chunks(b"x"), "greedy")

    asyncio.run(check())


@pytest.mark.parametrize("url", ["", "nonsense", "/directory", "file://relative/x", "file:relative", "ftp://host/x"])
def test_a_url_that_names_no_storage_is_told_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="storage"):
        Storage(url)


@pytest.mark.parametrize(
    "url", ["s4://key:Hush@bucket", "az://key:Hush@x/y?sig=Hush", "file://u:Hush@h/x", "u:Hush@x", "u@Hush@x"]
)
def test_an_error_about_the_storage_s_url_has_no_secret(url: str) -> None:
    with pytest.raises(ValueError, match="storage") as raised:
        Storage(url)
    assert "Hush" not in str(raised.value)


def test_an_object_store_is_named_by_its_url() -> None:
    Storage("s3://bucket/prefix")


def test_without_a_setting_contents_are_beside_the_sqlite_file_or_where_the_server_runs(tmp_path: Path) -> None:
    assert default_storage(f"{tmp_path}/fotapool.db") == (tmp_path / "fotapool-files").as_uri()
    assert default_storage(None) == (Path.cwd() / "fotapool-files").as_uri()
