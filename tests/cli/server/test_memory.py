"""The memory of a server is bounded: freed blocks go back to the operating system, and page caches are small."""

from __future__ import annotations

import contextlib
import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from fotapool.store.db.factory import open_database
from fotapool.store.db.reader import READER_THREADS

HASH_AND_COMPARE = """
import asyncio
from pathlib import Path
from fotapool.cli.server.process import prepare_process
from fotapool.core import hashing
from fotapool.core.settings import Settings

def resident_kib():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0])

async def hash_some():
    for number in range(3):
        await hashing.hash_secret(f"secret {number}")

prepare_process(Settings())
asyncio.run(asyncio.sleep(0))
before = resident_kib()
asyncio.run(hash_some())
print(resident_kib() - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc")
def test_the_memory_of_a_password_hash_goes_back_to_the_operating_system() -> None:
    done = subprocess.run([sys.executable, "-c", HASH_AND_COMPARE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 10 * 1024  # a hash takes 19 MiB


def test_the_page_caches_of_a_process_on_sqlite_have_at_most_36_mib(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'fotapool.db'}", durable=True)
    with contextlib.ExitStack() as stack:
        writing = [stack.enter_context(contextlib.closing(database.connect(writes=True)))]
        writing[0].execute("CREATE TABLE alembic_version (version_num TEXT)")
        reading = [stack.enter_context(contextlib.closing(database.connect())) for _ in range(READER_THREADS + 1)]
        kib = [-one.fetch("PRAGMA cache_size")[0][0] for one in writing + reading]
    assert sum(kib) <= 36 * 1024
