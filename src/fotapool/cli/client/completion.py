"""`fotapool completion SHELL`: the script that makes the shell complete commands, options and account names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and account names in your shell.

    \b
    Examples:
      fotapool completion bash > ~/.local/share/bash-completion/completions/fotapool
      fotapool completion zsh > "${fpath[1]}/_fotapool"
      fotapool completion fish > ~/.config/fish/completions/fotapool.fish
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, "fotapool", "_FOTAPOOL_COMPLETE").source())
