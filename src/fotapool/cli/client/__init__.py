"""Commands that are clients of the documented API or of the operator API."""

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
# httpx works without its command line, which imports rich and pygments: a sixth of the time of a short command.
