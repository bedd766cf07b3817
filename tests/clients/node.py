"""Node.js and the packages of npm, where they are there: no test downloads them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "clients/node"
NODE_MODULES = "node_modules"
MODULES = PACKAGE / NODE_MODULES
"""What `npm install` in the package's folder brings."""
OLDEST = 20


def _version() -> int:
    """The major version; 0 without Node.js."""
    if shutil.which("node") is None:
        return 0
    printed = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"v(\d+)\.", printed)
    return int(found[1]) if found else 0


HAS_NODE = _version() >= OLDEST
needs_node = pytest.mark.skipif(not HAS_NODE, reason=f"needs Node.js {OLDEST} or later")
needs_node_modules = pytest.mark.skipif(
    not (HAS_NODE and MODULES.is_dir()), reason="needs Node.js and `npm install` in clients/node"
)
