"""Kinds of values that people set: each refuses what it cannot be, and describes itself as JSON Schema."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from reprlib import repr as shorten
from typing import Any, Protocol

from tenants.errors import InvalidSettings


class Kind(Protocol):
    """What a setting may be. A default of None says that it follows from other settings."""

    @property
    def default(self) -> Any:
        """What it is where nothing is said of it."""
        ...

    def check(self, name: str, value: Any) -> None:
        """Raise `InvalidSettings`, naming the setting, for a value that it cannot have."""
        ...

    def describe(self) -> dict[str, Any]:
        """JSON Schema of the values."""
        ...


@dataclass(frozen=True)
class Flag:
    """True or false."""

    meaning: str
    default: bool

    def check(self, name: str, value: Any) -> None:
        """Raise `InvalidSettings` for anything else."""
        if not isinstance(value, bool):
            raise InvalidSettings(f"{name} must be true or false.")

    def describe(self) -> dict[str, Any]:
        """JSON Schema of the values."""
        return {"type": "boolean", "description": self.meaning}


@dataclass(frozen=True)
class Number:
    """A number with its limits; whole numbers only where `whole`."""

    meaning: str
    default: float | None
    least: float
    most: float
    whole: bool = True

    def check(self, name: str, value: Any) -> None:
        """Raise `InvalidSettings` for anything but a number within the limits."""
        kinds = (int,) if self.whole else (int, float)
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        if not is_number or not self.least <= value <= self.most:
            kind = "whole number" if self.whole else "number"
            raise InvalidSettings(f"{name} must be a {kind} from {self.least:g} to {self.most:g}.")

    def describe(self) -> dict[str, Any]:
        """JSON Schema of the values."""
        return {
            "type": "integer" if self.whole else "number",
            "minimum": self.least,
            "maximum": self.most,
            "description": self.meaning,
        }


@dataclass(frozen=True)
class Choice:
    """One of several words."""

    meaning: str
    default: str | None
    words: tuple[str, ...]

    def check(self, name: str, value: Any) -> None:
        """Raise `InvalidSettings`, listing the words, for anything else."""
        if value not in self.words:
            raise InvalidSettings(f"{name} must be one of {', '.join(self.words)}.")

    def describe(self) -> dict[str, Any]:
        """JSON Schema of the values."""
        return {"type": "string", "enum": list(self.words), "description": self.meaning}


@dataclass(frozen=True)
class Names:
    """Names of models, one or several, each once."""

    meaning: str
    most: int
    default: None = None
    pattern: str = "[a-z0-9_]{1,40}"

    def check(self, name: str, value: Any) -> None:
        """Raise `InvalidSettings` for anything else; whether the models are there is not looked at."""
        fine = isinstance(value, list | tuple) and all(isinstance(entry, str) for entry in value)
        if not fine or not 1 <= len(value) <= self.most or len(set(value)) != len(value):
            raise InvalidSettings(f"{name} must be a list of 1 to {self.most} different model names.")
        if not all(re.fullmatch(self.pattern, entry) for entry in value):
            raise InvalidSettings(f"{name}: a model's name has 1 to 40 of a to z, 0 to 9 and _.")

    def describe(self) -> dict[str, Any]:
        """JSON Schema of the values."""
        return {
            "type": "array",
            "items": {"type": "string", "pattern": f"^{self.pattern}$"},
            "minItems": 1,
            "maxItems": self.most,
            "uniqueItems": True,
            "description": self.meaning,
        }


def check_known(what: str, said: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise `InvalidSettings`, listing what there is, for names that nobody knows."""
    names = sorted(known)
    if unknown := [name for name in said if name not in names]:
        raise InvalidSettings(f"There is no {what} {shorten(unknown[0])}. There are {', '.join(names)}.")


def check_object(what: str, said: Any) -> None:
    """Raise `InvalidSettings` for anything but an object of settings."""
    if not isinstance(said, Mapping):
        raise InvalidSettings(f"{what} must be an object of settings.")


def drop_nulls(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is said, without the nulls: null says that the default is wanted."""
    return {name: value for name, value in said.items() if value is not None}
