"""What ends the program with a message, and its exit codes."""

from __future__ import annotations

from typing import IO, Any

import click

DONE, FAILED, WRONG, WOULD_RUN = 0, 1, 2, 3


class Wrong(click.ClickException):
    """The program was used wrongly, or cannot do what was asked; the message is one line for the user."""

    exit_code = WRONG

    def show(self, file: IO[Any] | None = None) -> None:
        say_error(self.message)


def say_error(message: str) -> None:
    """One line on stderr: `alonzo: error: …`."""
    click.echo(f"alonzo: error: {' '.join(message.split())}", err=True)
