"""The plugin's `copy_of`: the example of the page on testing, run as a suite."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from support.helpers import ACCOUNT

PAGE = Path(__file__).parents[2] / "docs/how-to/testing.md"
WITHIN_S = 120


def test_the_example_of_the_page_runs_and_each_test_has_a_copy_of_its_own(tmp_path: Path) -> None:
    found = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    examples = [code for code in found if "copy_of" in code]
    assert len(examples) == 1
    more = """

@pytest.mark.parametrize("number", range(3))
@pytest.mark.fotapool(copy_of="0242078689-00001")
def test_alone(fotapool, number):
    assert len(fotapool.devices) == 5
    fotapool.assign(fotapool.devices[3])
    fotapool.assert_pool(used=3)
    fotapool.assert_consistent()
"""
    (tmp_path / "test_it.py").write_text(examples[0] + more)
    devices = [{"first": "880000000000000", "count": 5, "licensed": 2}]
    seed = {"accounts": [{"name": ACCOUNT, "licenseCount": 9, "devices": devices}]}
    (tmp_path / "seed.yaml").write_text(json.dumps(seed))
    (tmp_path / "pytest.ini").write_text("[pytest]\nfotapool_arguments = --seed seed.yaml\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "FOTAPOOL_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert "5 passed" in done.stdout, done.stdout + done.stderr
