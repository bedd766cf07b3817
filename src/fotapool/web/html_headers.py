"""Headers of HTML pages: no framing, no guessed types, no scripts but our own, nothing kept."""

from __future__ import annotations

import base64
import hashlib


def html_headers(default: str = "'self'", style: str | None = None) -> dict[str, str]:
    """The headers of a page that loads from `default`; `style` is the text of its style element."""
    policy = f"default-src {default}; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
    if style is not None:
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy += f"; style-src 'sha256-{digest}'"
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }
