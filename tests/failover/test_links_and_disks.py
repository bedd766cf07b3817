"""The database's host vanishes, or its disk is full or read-only: refused in time, and back by itself."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.load import interrupt
from support.networks import FAR, Link, link_between_namespaces
from support.postgres_servers import NAME, PostgresServer, server_directory, url_of
from support.processes import ServerProcess
from support.servers import set_up

Serve = Callable[..., ServerProcess]


@pytest.fixture
def link() -> Iterator[Link]:
    try:
        with link_between_namespaces() as found:
            yield found
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"network namespaces need root, iproute2 and util-linux: {error}")


def test_a_database_whose_host_vanishes_from_the_network(single: PostgresServer, serve: Serve, link: Link) -> None:
    single.host = FAR
    single.start(within=link.far)
    work = link.near.submit(interrupt, serve, url_of(single), lambda: link.set("down"), lambda: link.set("up"))
    work.result()  # the servers and clients that a thread starts are in its namespace


FILE_SYSTEM = 'mount -t tmpfs -o size=48m,mode=777 tmpfs "$0" && exec "$@"'


class SmallDisk:
    """A file system of its own, in the mount namespace of a process that `within` begins."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.mkdir()
        self.within = ("unshare", "--mount", "--propagation", "private", "sh", "-c", FILE_SYSTEM, str(path))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def seen_from_here(self) -> Path:
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/root{self.path}")

    def fill(self) -> None:
        with (self.seen_from_here / "filler").open("wb", buffering=0) as filler:
            for size in (2**20, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        filler.write(b"\0" * size)

    def free(self) -> None:
        (self.seen_from_here / "filler").unlink()


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with server_directory() as directory:
        yield _small_disk(directory / "small")


def _small_disk(path: Path) -> SmallDisk:
    found = SmallDisk(path)
    done = subprocess.run([*found.within, "true"], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a file system in a mount namespace needs root: {done.stderr.strip()}")
    return found


def test_a_tablespace_that_is_full(single: PostgresServer, serve: Serve, disk: SmallDisk) -> None:
    single.start(within=disk.within)
    disk.process = single.process
    owner = single.data.stat()
    os.chown(disk.seen_from_here, owner.st_uid, owner.st_gid)
    single.fetch(f"CREATE TABLESPACE small LOCATION '{disk.path}'", database="postgres")
    single.fetch(f"ALTER DATABASE {NAME} SET TABLESPACE small", database="postgres")
    interrupt(serve, url_of(single), disk.fill, disk.free)


def test_a_sqlite_database_on_a_full_disk(serve: Serve, disk: SmallDisk) -> None:
    url = f"sqlite:///{disk.path}/fotapool.db"
    server = serve(url, within=disk.within)
    disk.process = server.process  # type: ignore[assignment]
    interrupt(lambda _: server, url, disk.fill, disk.free)


READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("database", "verify"), ("database", "migrate")])
def test_a_sqlite_database_on_a_read_only_disk(tmp_path: Path, disk: SmallDisk, command: tuple[str, ...]) -> None:
    url = f"sqlite:///{tmp_path}/fotapool.db"
    set_up(url)
    within = ("unshare", "--mount", "--propagation", "private", "sh", "-c", READ_ONLY, str(tmp_path))
    program = (sys.executable, "-m", "fotapool.cli", *command, "--database", url)
    done = subprocess.run([*within, *program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert re.search(r"^Error: .*fotapool\.db.* read-only", done.stderr, re.MULTILINE | re.IGNORECASE), done.stderr
