"""The latest timestamp in a database; a test clock must not be set before it."""

from __future__ import annotations

from fotapool.store.db.connection import Connection

_LATEST = """
SELECT max(c.at_ms) FROM license_pool p JOIN pool_change c ON c.account_id = p.account_id AND c.number = p.changes
UNION ALL SELECT max(created_ms) FROM account
UNION ALL SELECT max(created_ms) FROM api_client
UNION ALL SELECT max(created_ms) FROM api_user
UNION ALL SELECT max(issued_ms) FROM bearer_token
UNION ALL SELECT max(last_used_ms) FROM user_session
UNION ALL SELECT max(updated_ms) FROM campaign
UNION ALL SELECT max(began_ms) FROM alert_pass
UNION ALL SELECT max(at_ms) FROM check_in
UNION ALL SELECT max(at_ms) FROM device_log
UNION ALL SELECT max(ended_ms) FROM delivery WHERE ended_ms IS NOT NULL
UNION ALL SELECT created_ms FROM delivery WHERE id = (SELECT max(id) FROM delivery)
"""


def read_latest_timestamp(connection: Connection) -> int:
    """The timestamp (ms) of the latest change, sign-in, campaign, callback or device report; 0 if there is none."""
    return max((int(row[0]) for row in connection.fetch(_LATEST) if row[0] is not None), default=0)
