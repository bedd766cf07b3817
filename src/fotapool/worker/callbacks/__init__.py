"""Delivers callbacks over HTTP: leases, sending, address checks, signatures."""
