"""The command line: `fotapool demo`, `emulate`, `serve` and `database …`."""
