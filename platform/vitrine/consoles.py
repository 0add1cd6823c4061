"""Where commands print."""

from typing import Final

from rich.console import Console

_LOG_WIDTH: Final = 200


def open_console(*, stderr: bool = False) -> Console:
    """The terminal; a log or a pipe, which has no width of its own, gets room for a whole table."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=_LOG_WIDTH)
