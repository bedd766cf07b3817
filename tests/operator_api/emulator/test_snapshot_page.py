"""The commands of the page on snapshots run as they stand there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.helpers import SEED, seed_file

PAGE = Path(__file__).parents[3] / "docs/how-to/snapshots.md"


@pytest.mark.skipif(not all(map(shutil.which, ("curl", "bash", "cmp"))), reason="needs curl, bash and cmp")
def test_the_commands_of_the_page_run(server_process: Callable[..., Any], tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    with server_process("emulate", "--seed", seed_file(tmp_path, SEED)) as (address, _):
        commands = "".join(blocks).replace("http://127.0.0.1:8080", address)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.split("\n", 1)
    assert first == "the same bytes"
    assert json.loads(second)["name"] == "copy-1"
    prepared = str(tmp_path / "prepared.json")
    with server_process("emulate", "--seed", prepared) as (address, _):
        pass
