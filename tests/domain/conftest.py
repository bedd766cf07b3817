"""Property tests here give the same verdict on every run and on every machine, however slow."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("rules", deadline=None, database=None, derandomize=True)
settings.load_profile("rules")
