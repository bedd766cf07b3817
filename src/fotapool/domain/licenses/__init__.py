"""Rules on licenses: assign and remove, candidates, bulk jobs, the ledger."""
