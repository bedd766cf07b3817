"""Rules on accounts: subscriptions, the history of a pool, its forecast."""
