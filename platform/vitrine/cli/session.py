"""One run of the command: whom it talks to, where it prints, and what its exit status says."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx
import typer
from rich.markup import escape

from vitrine.client import VitrineClient
from vitrine.consoles import open_console
from vitrine.errors import ApiProblem, FileProblem, VitrineError

UNWELL: Final = 1
USAGE: Final = 2
SERVICE: Final = 3
INTERRUPTED: Final = 130


class WrongUse(VitrineError):
    """The command was called in a way that cannot work."""


@dataclass(frozen=True)
class Connection:
    """The service's address and a key for it, as they were given."""

    url: str
    key: str


@contextmanager
def open_session(context: typer.Context, *, resuming: str = "") -> Iterator[VitrineClient]:
    """A client for the block; errors in it end the command with a line and a status.

    resuming: what to say of an interruption.
    """
    err = open_console(stderr=True)
    try:
        with _open_client(context.find_object(Connection) or Connection("", "")) as client:
            yield client
    except (WrongUse, FileProblem) as problem:
        err.print(f"[red]vitrine:[/red] {escape(problem.message)}", soft_wrap=True)
        raise typer.Exit(USAGE) from problem
    except VitrineError as problem:
        err.print(f"[red]vitrine:[/red] {escape(str(problem))}", soft_wrap=True)
        raise typer.Exit(_tell_status(problem)) from problem
    except KeyboardInterrupt as interruption:
        err.print(f"Interrupted. {escape(resuming)}", soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from interruption


def print_json(data: Mapping[str, Any] | list[Any]) -> None:
    """JSON for a program, on one line."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")


def _tell_status(problem: VitrineError) -> int:
    """What does not exist was asked for by mistake."""
    return USAGE if isinstance(problem, ApiProblem) and problem.status == HTTPStatus.NOT_FOUND else SERVICE


def _open_client(connection: Connection) -> VitrineClient:
    url, key = connection.url.strip().rstrip("/"), connection.key.strip()
    if not url:
        raise WrongUse("no_url", "Say which service: set VITRINE_URL, or give --url https://...")
    if not key:
        raise WrongUse("no_key", "Say who you are: set VITRINE_KEY to an API key of your shop.")
    if not (key.isascii() and key.isprintable()):
        raise WrongUse("key_malformed", "VITRINE_KEY is no API key: it has characters that none has.")
    try:
        scheme, host = httpx.URL(url).scheme, httpx.URL(url).host
    except httpx.InvalidURL as error:
        raise WrongUse("url_malformed", f"{url} is no address: {error}.") from error
    if scheme not in {"http", "https"} or not host:
        raise WrongUse("url_malformed", f"{url} is no address. One is http://127.0.0.1:8000, for example.")
    return VitrineClient(url, key)
