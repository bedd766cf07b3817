"""How a command fails: a message, the next step, and the exit code listed in docs/reference/command-line.md."""

from __future__ import annotations

from typing import Any

import click

from fotapool.cli.terminal import printable

SOME_REFUSED = 1
"""Exit code: the command completed, but some devices were refused, or an audit found a violation."""
INTERRUPTED = 130


class Failure(click.ClickException):
    """Ends the command with the message on standard error."""

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.notes = [next_step] if next_step else []
        """Lines printed after the message: how far the command got, and what to do next."""

    def format_message(self) -> str:
        return printable("\n".join([self.message, *self.notes]))


class UsageError(Failure):
    """An invalid option, file or device list. Nothing was sent."""

    exit_code = 2


class Unreachable(Failure):
    """No response, or the service stayed busy through all retries. Worth trying again."""

    exit_code = 3


class RequestFailed(Failure):
    """The service refused the request or the sign-in. `status` is the HTTP status, `result` a member of the problem."""

    exit_code = 4

    def __init__(self, message: str, next_step: str = "", status: int = 0, result: Any = None) -> None:
        super().__init__(message, next_step)
        self.status = status
        self.result = result


class Aborted(Failure):
    """The change was not confirmed. Nothing was changed."""

    exit_code = 5


class Interrupted(Failure):
    """Ctrl-C; results received so far have been written."""

    exit_code = INTERRUPTED
