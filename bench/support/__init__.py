"""Servers, databases and load of the benchmarks."""
