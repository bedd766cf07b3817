"""Services without HTTP get their contexts as the worker's tests do."""

from worker.conftest import open_context

__all__ = ["open_context"]
