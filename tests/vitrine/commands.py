"""The command, run in this process as a shell would run it."""

import json
from typing import Any

from typer.testing import CliRunner, Result

from vitrine.cli.app import app


def run(*arguments: object, url: str, key: str = "vtr_k_s") -> Result:
    """Its output and exit status; an exception that would be a traceback is one here."""
    environment = {"VITRINE_URL": url, "VITRINE_KEY": key, "COLUMNS": "200"}
    return CliRunner().invoke(app, list(map(str, arguments)), env=environment, catch_exceptions=False)


def read_json(result: Result) -> Any:
    """What was printed for a program."""
    return json.loads(result.stdout)
