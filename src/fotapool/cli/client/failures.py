"""How a command fails: one message, what to do next, and the exit code that docs/command-line.md lists."""

from __future__ import annotations

import click

SOME_REFUSED = 1
"""Everything was asked, and the answer is no for some devices; or an audit found something wrong."""
INTERRUPTED = 130


class Failure(click.ClickException):
    """Ends the command with the message on standard error."""

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.notes = [next_step] if next_step else []
        """What follows the message, a line each: how far it got, what to do next."""

    def format_message(self) -> str:
        return "\n".join([self.message, *self.notes])


class UsageError(Failure):
    """A file, a list or an option is not what the command takes. Nothing was sent."""

    exit_code = 2


class Unreachable(Failure):
    """Nobody answered, or the service was busy for longer than it is waited for. To try again makes sense."""

    exit_code = 3


class RequestFailed(Failure):
    """The service refused the request, or the sign-in."""

    exit_code = 4

    def __init__(self, message: str, next_step: str = "", status: int = 0) -> None:
        super().__init__(message, next_step)
        self.status = status


class Aborted(Failure):
    """The person at the terminal did not confirm. Nothing was changed."""

    exit_code = 5


class Interrupted(Failure):
    """Ctrl-C, after what was under way has been written down."""

    exit_code = INTERRUPTED
