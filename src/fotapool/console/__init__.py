"""The web console: pages for operators, rendered here, over the same use cases as the operator plane."""
