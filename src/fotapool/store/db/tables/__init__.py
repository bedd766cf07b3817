"""The tables of both databases.

Times are milliseconds since 1970-01-01 UTC; devices are IMEIs as integers. Each database's module fills in the braces.
States are numbers of the enums in domain/; a schema is written to disk, so that its numbers never change.
"""

from fotapool.store.db.tables import (
    access,
    accounts,
    alerts,
    callbacks,
    campaigns,
    lifecycle,
    people,
    pool_history,
    retention,
    scheduled_changes,
    server,
)

_PARTS = (
    *(accounts, callbacks, campaigns, pool_history, lifecycle, scheduled_changes, server),
    *(access, people, retention, alerts),
)
TABLES = "".join(part.TABLES for part in _PARTS)
