"""The tables of both databases.

Times are milliseconds since 1970-01-01 UTC; devices are IMEIs as integers. Each database's module fills in the braces.
States are numbers of the enums in domain/; a schema is written to disk, so that its numbers never change.
"""

from fotapool.store.db.tables import accounts, callbacks, campaigns, pool_history, server

TABLES = accounts.TABLES + callbacks.TABLES + campaigns.TABLES + pool_history.TABLES + server.TABLES
