"""SQL on licenses, candidates, bulk jobs and the ledger."""
