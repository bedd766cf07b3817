"""The services of all APIs, the console and the worker: one module per feature, one function per operation."""
