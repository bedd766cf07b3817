"""The commands that are clients: of the documented API with both tokens, or of the operator plane with its key."""

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
# httpx's own command line, which it can do without: it imports rich and pygments, a sixth of a short command's time.
