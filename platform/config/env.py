"""Typed readers of environment variables. A value that cannot be read stops the start, by name."""

import os
from pathlib import Path
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

_Choice = TypeVar("_Choice", bound=str)
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def read_text(name: str, default: str = "") -> str:
    """The variable, or the content of the file that `<name>_FILE` names (for mounted secrets)."""
    path = os.environ.get(f"{name}_FILE")
    if path and name not in os.environ:
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {error}") from error
    return os.environ.get(name, default)


def read_flag(name: str, *, default: bool = False) -> bool:
    """1/true/yes/on or 0/false/no/off."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def read_number(name: str, default: int) -> int:
    """A whole number above zero."""
    value = os.environ.get(name, str(default))
    if not value.isdecimal() or int(value) == 0:
        raise ImproperlyConfigured(f"{name} must be a whole number above zero, not {value!r}.")
    return int(value)


def read_bound(name: str, default: int | None = None) -> int | None:
    """A whole number above zero, or `none`: without bound."""
    value = os.environ.get(name)
    if value is None:
        return default
    return None if value.lower() == "none" else read_number(name, 1)


def read_choice(name: str, default: _Choice, choices: tuple[_Choice, ...]) -> _Choice:
    """One of the choices."""
    value = os.environ.get(name) or default
    for choice in choices:
        if choice == value:
            return choice
    raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}.")


def read_list(name: str, default: str = "") -> list[str]:
    """Words separated by commas."""
    return [word.strip() for word in read_text(name, default).split(",") if word.strip()]


def read_path(name: str, default: Path) -> Path:
    """A path, made absolute."""
    return Path(os.environ.get(name) or default).expanduser().absolute()


def read_folders(name: str) -> tuple[Path, ...]:
    """Absolute paths separated by commas."""
    paths = tuple(Path(word) for word in read_list(name))
    for path in paths:
        if not path.is_absolute():
            raise ImproperlyConfigured(f"{name} must name absolute paths, not {str(path)!r}.")
    return paths
