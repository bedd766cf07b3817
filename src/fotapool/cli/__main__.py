"""Runs the command as `python -m fotapool.cli`."""

from fotapool.cli.main import main

main(prog_name="fotapool")
