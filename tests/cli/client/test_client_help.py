"""What the commands say of themselves: each teaches by an example that can be given, and the shell completes them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from fotapool.cli.client.failures import SOME_REFUSED, Aborted, Interrupted, RequestFailed, Unreachable, UsageError
from fotapool.cli.client.http.profile_file import DIRECTORY_VARIABLE
from fotapool.cli.client.http.target import EXAMPLE
from fotapool.cli.client.licenses.outcomes import DeviceOutcome
from fotapool.cli.main import COMMANDS, SECTIONS, main
from support.helpers import ACCOUNT, OTHER

CLIENTS = [name for name, (module, _) in COMMANDS.items() if module.startswith("fotapool.cli.client")]


def tree(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            child = command.get_command(click.Context(command), name)
            assert child is not None
            yield from tree(child, (*path, name))


def all_commands() -> list[tuple[tuple[str, ...], click.Command]]:
    found = []
    for name in CLIENTS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        found += list(tree(command, (name,)))
    return found


ALL = all_commands()
BY_PATH = dict(ALL)
IDS = [" ".join(path) for path, _ in ALL]


def examples(command: click.Command) -> list[list[str]]:
    """The words of each `fotapool …` in the help's examples, whatever stands before or after it in a pipe."""
    text = (command.help or "").replace("\\\n", " ")
    lines = text[text.index("Example") :].splitlines()
    parts = [part.strip() for line in lines for part in line.split(" | ")]
    return [shlex.split(re.split(" [<>] ", part)[0])[1:] for part in parts if part.startswith("fotapool ")]


@pytest.mark.parametrize(("path", "command"), ALL, ids=IDS)
def test_each_commands_help_has_an_example_that_can_be_given(path: tuple[str, ...], command: click.Command) -> None:
    assert re.search(r"Examples?:\n", command.help or ""), "no example"
    given = examples(command)
    assert given
    for words in given:
        named = max((known for known in BY_PATH if tuple(words[: len(known)]) == known), key=len, default=())
        assert named, f"{words} is no command"
        BY_PATH[named].make_context("fotapool", words[len(named) :]).close()
    if not isinstance(command, click.Group):
        assert any(tuple(words[: len(path)]) == path for words in given), "no example of the command itself"


@pytest.mark.parametrize(("path", "command"), ALL, ids=IDS)
def test_each_option_says_what_it_is_for(path: tuple[str, ...], command: click.Command) -> None:
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{option.opts[0]} says nothing"
    prints_a_file = path[-1] == "export"  # its format is an option of its own
    if not isinstance(command, click.Group) and path[0] not in ("profiles", "completion", "snapshot"):
        assert prints_a_file or "as_json" in {option.name for option in command.params}, "no --json"


def test_the_page_has_every_outcome_exit_code_and_variable() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/command-line.md").read_text(encoding="utf-8")
    codes = [failure.exit_code for failure in (UsageError, Unreachable, RequestFailed, Aborted, Interrupted)]
    assert all(f"| {code} |" in page for code in (0, SOME_REFUSED, *codes))
    assert all(f"`{outcome}`" in page for outcome in DeviceOutcome)
    assert all(f"`{variable}`" in page for variable in (*EXAMPLE, DIRECTORY_VARIABLE, "FOTAPOOL_PROFILE"))


def test_the_first_help_imports_no_command_and_is_complete() -> None:
    code = (
        "import sys; from fotapool.cli.main import main\n"
        "try: main(['--help'])\n"
        "finally:\n"
        "  heavy = {'httpx', 'rich', 'keyring', 'fotapool.cli.server', 'fotapool.cli.client'} & set(sys.modules)\n"
        "  assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for title, commands in SECTIONS.items():
        assert f"{title}:" in done.stdout
        assert all(name in done.stdout for name in commands)


def test_servers_start_without_the_clients_libraries() -> None:
    code = (
        "import sys, fotapool.cli.server.serve, fotapool.cli.server.running, fotapool.app\n"
        "heavy = {'httpx', 'rich', 'keyring', 'tomlkit', 'fotapool.cli.client'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_the_shells(cli: Any, shell: str) -> None:
    assert "_FOTAPOOL_COMPLETE" in cli("completion", shell).stdout


def complete(cli: Any, line: str) -> list[str]:
    words = line.split(" ")
    environment = {
        **os.environ,
        **cli.environment,
        "_FOTAPOOL_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    code = "from fotapool.cli.main import main; main(prog_name='fotapool')"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    return [text.partition(",")[2] for text in done.stdout.split()]


def test_commands_options_and_account_names_complete(cli: Any) -> None:
    assert complete(cli, "fotapool acc") == ["accounts"]
    assert complete(cli, "fotapool licenses as") == ["assign"]
    assert complete(cli, "fotapool licenses assign --res") == ["--results", "--resume"]
    assert complete(cli, "fotapool accounts show 0") == [ACCOUNT, OTHER]
    assert complete(cli, f"fotapool accounts show {ACCOUNT[:4]}") == [ACCOUNT]
    assert complete(cli, f"fotapool accounts show {ACCOUNT}") == [ACCOUNT]
    assert complete(cli, "fotapool accounts show 9") == []
    cli.environment["FOTAPOOL_OPERATOR_KEY"] = "wrong"
    assert complete(cli, "fotapool accounts show 0") == []
