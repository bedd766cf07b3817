"""Pages of licenses, candidates and the ledger."""
