"""Use cases without HTTP get their contexts as the engine's tests do."""

from worker.conftest import open_context

__all__ = ["open_context"]
