"""`python -m stack run -- COMMAND...` and `python -m stack up`: see `--help`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from stack.commands import Arguments, run, up
from stack.errors import StackError


def parse(argv: Sequence[str] | None) -> tuple[str, Arguments]:
    """The subcommand and its arguments."""
    parser = argparse.ArgumentParser(prog="python -m stack", description="The local stack of Vitrine.")
    commands = parser.add_subparsers(dest="name", required=True)
    default = os.environ.get("VITRINE_VAR") or "var"
    for name, text in (
        ("run", "run one command on the stack, then stop it; joins a stack that is up"),
        ("up", "run the stack and the Procfile's processes until Ctrl-C"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--var", type=Path, default=Path(default), help="where data lies (VITRINE_VAR, ./var)"
        )
        command.add_argument("--procfile", type=Path, default=Path("Procfile"), help="default: ./Procfile")
        if name == "run":
            command.add_argument("--processes", action="store_true", help="run the Procfile's processes too")
            command.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    parsed = parser.parse_args(argv)
    words = list(getattr(parsed, "command", []))
    if words[:1] == ["--"]:
        del words[0]
    if parsed.name == "run" and not words:
        parser.error("run needs a command: python -m stack run -- COMMAND...")
    processes = parsed.name == "up" or parsed.processes
    return parsed.name, Arguments(parsed.var, parsed.procfile, processes=processes, command=tuple(words))


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status."""
    name, arguments = parse(argv)
    try:
        return run(arguments) if name == "run" else up(arguments)
    except StackError as error:
        sys.stderr.write(f"stack: {error} [{error.code}]\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
