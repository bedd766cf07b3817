"""The benchmarks that docs/explanation/benchmarks.md quotes: `python -m bench` from the repository."""
