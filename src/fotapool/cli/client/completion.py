"""`fotapool completion SHELL`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the shell's completion script for commands, options and account names.

    \b
    Examples:
      fotapool completion bash > ~/.local/share/bash-completion/completions/fotapool
      fotapool completion zsh > "${fpath[1]}/_fotapool"
      fotapool completion fish > ~/.config/fish/completions/fotapool.fish
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, "fotapool", "_FOTAPOOL_COMPLETE").source())
