"""Signs callbacks by the Standard Webhooks library."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from standardwebhooks import Webhook


@lru_cache(maxsize=256)
def _webhook(secret: str) -> Webhook:
    from standardwebhooks import Webhook  # imported with the first signature, since few servers sign

    return Webhook(secret)


def sign(secret: str, message_id: str, at_s: int, body: bytes) -> str:
    """The `webhook-signature` of a message sent at a time in seconds since 1970-01-01 UTC."""
    return _webhook(secret).sign(message_id, datetime.fromtimestamp(at_s, tz=UTC), body.decode())
