"""The benchmarks that docs/reference/benchmarks.md quotes: `python -m bench` from the repository."""
