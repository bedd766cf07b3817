"""What docs/generate.py makes the generated parts of the pages with."""
