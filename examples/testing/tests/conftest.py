"""Fixtures of the tests: the software under test, connected to the test's account."""

from __future__ import annotations

import pytest
from rollout import Licenses


@pytest.fixture
def licenses(fotapool) -> Licenses:
    return Licenses(fotapool.api, fotapool.name)


@pytest.fixture
def anyio_backend() -> str:
    """The async tests run with asyncio."""
    return "asyncio"
