"""Accounts: subscriptions, pools, audits, copies, counts of rejected requests."""
