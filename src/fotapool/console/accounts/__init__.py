"""Pages of pools, accounts and subscriptions."""
