"""The audit log: what operators changed and were refused, recorded in the transaction of the change."""
