"""Alert rules, alerts, the pass over all accounts, and what is observed."""
