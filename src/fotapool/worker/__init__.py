"""Background jobs: due campaigns, ending notices, bulk jobs, callback delivery; each step is one transaction."""
