"""docker-compose.yml as compose reads it: as much of its rules as the file uses, anything else refused."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"

_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<plain>[A-Za-z_]\w*)"
    r"|\{(?P<name>[A-Za-z_]\w*)(?:(?P<operator>:?[-?+])(?P<word>[^${}]*))?\}|(?P<wrong>))"
)


class VariableMissing(LookupError):
    """A variable that the file requires is not set."""


@dataclass(frozen=True)
class Service:
    """One service with its variables put in: argv as the container gets it, environment as text."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    settings: Mapping[str, Any]


def interpolate_text(text: str, variables: Mapping[str, str]) -> str:
    """Put in `$NAME`, `${NAME}` and the forms `:-` `-` `:?` `?` `:+` `+`; `$$` is a dollar sign."""
    return _VARIABLE.sub(lambda match: _read_variable(match, variables), text)


def interpolate_tree(node: Any, variables: Mapping[str, str]) -> Any:
    """The same for every value of a document."""
    if isinstance(node, dict):
        return {key: interpolate_tree(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [interpolate_tree(value, variables) for value in node]
    return interpolate_text(node, variables) if isinstance(node, str) else node


def read_services(variables: Mapping[str, str]) -> dict[str, Service]:
    """All services of docker-compose.yml by name."""
    document = interpolate_tree(yaml.safe_load(COMPOSE.read_text()), variables)
    return {name: _make_service(name, settings) for name, settings in document["services"].items()}


def read_image_environment() -> dict[str, str]:
    """The variables that the Dockerfile's last stage sets."""
    last_stage = DOCKERFILE.read_text().replace("\\\n", " ").rpartition("\nFROM ")[2]
    settings = re.findall(r"^ENV (.*)$", last_stage, re.MULTILINE)
    return dict(pair.split("=", 1) for line in settings for pair in shlex.split(line))


def _read_variable(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match["escaped"]:
        return "$"
    if match["wrong"] is not None:
        raise ValueError(f"cannot read the variable at {match.string[match.start() : match.start() + 40]!r}")
    name, operator, word = match["plain"] or match["name"], match["operator"] or "", match["word"]
    value = variables.get(name)
    # With a colon an empty variable counts as unset.
    is_set = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("+"):
        return word if is_set else ""
    if is_set:
        return value or ""
    if operator.endswith("?"):
        raise VariableMissing(word)
    return word or ""


def _make_service(name: str, settings: dict[str, Any]) -> Service:
    command = settings.get("command", [])
    argv = shlex.split(command) if isinstance(command, str) else command
    environment = {key: str(value) for key, value in settings.get("environment", {}).items()}
    return Service(name, tuple(argv), environment, settings)
