"""The benchmarks that the documentation quotes: `python -m bench` from the repository (docs/benchmarks.md)."""
