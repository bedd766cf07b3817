"""What the tests share: the software under test, pointed at the test's own account."""

from __future__ import annotations

import pytest
from rollout import Licenses


@pytest.fixture
def licenses(fotapool) -> Licenses:
    return Licenses(fotapool.api, fotapool.name)
