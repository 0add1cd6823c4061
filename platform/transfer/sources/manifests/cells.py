"""What one row says in one column, and whether it can be used."""

import json
import math
import re
import reprlib
from dataclasses import dataclass
from typing import Any, Final, Never

from tenants.domain.attributes import find_attributes_problem, is_storable
from tenants.domain.skus import is_clean_sku
from transfer.errors import RowRefused

MAX_SKU: Final = 100
MAX_PLACE: Final = 2000
_SHOWN: Final = 100
_UNDECODED: Final = re.compile("[\ud800-\udfff]")
_SHORT: Final = reprlib.Repr()
_SHORT.maxstring = _SHOWN
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Cell:
    """A value with the manifest's own name of its column: text from a table, anything from JSON."""

    column: str
    value: Any

    def is_blank(self) -> bool:
        """Whether the cell says nothing: empty, spaces, null."""
        return self.value is None or (isinstance(self.value, str) and not self.value.strip())

    def refuse(self, why: str) -> RowRefused:
        """The error that names the column and shows the value."""
        return RowRefused(f"{shorten(self.column)}: {why} Found: {shorten(self.value)}.", code="row_invalid")

    def read_text(self, *, most: int) -> str:
        """Text without the spaces around it, at most so many characters. Raises `RowRefused`."""
        if isinstance(self.value, bool) or not isinstance(self.value, str | int):
            raise self.refuse("Wanted is text.")
        text = str(self.value).strip()
        if len(text) > most:
            raise self.refuse(f"At most {most:,} characters, and these are {len(text):,}.")
        if not is_storable(text):
            raise self.refuse("Text with NUL characters or broken surrogate pairs.")
        return text

    def read_sku(self) -> str:
        """A SKU, of a hundred characters that can be seen. Raises `RowRefused`."""
        sku = self.read_text(most=MAX_SKU)
        if not is_clean_sku(sku):
            raise self.refuse("A SKU has no control characters.")
        return sku

    def read_number(self) -> float:
        """A finite number. Raises `RowRefused`."""
        return self._check_number(self.value)

    def read_share(self) -> float:
        """A number from -1 to 1, as similarities are. Raises `RowRefused`."""
        number = self.read_number()
        if not -1 <= number <= 1:
            raise self.refuse("Wanted is a number from -1 to 1.")
        return number

    def read_box(self) -> list[float]:
        """x1, y1, x2, y2 in pixels, from a list or from text with commas or spaces. Raises `RowRefused`."""
        parts = self.value
        if isinstance(parts, str):
            parts = re.split(r"[,;\s]+", parts.strip().removeprefix("[").removesuffix("]").strip())
        if not isinstance(parts, list) or len(parts) != len(("x1", "y1", "x2", "y2")):
            raise self.refuse("Wanted are four numbers: x1, y1, x2, y2.")
        x1, y1, x2, y2 = (self._check_number(part) for part in parts)
        if x1 >= x2 or y1 >= y2:
            raise self.refuse("A box is x1, y1, x2, y2 with x1 < x2 and y1 < y2.")
        return [x1, y1, x2, y2]

    def read_attributes(self) -> dict[str, Any]:
        """A JSON object, as such or as text. Raises `RowRefused`."""
        try:
            value = parse_json(self.value) if isinstance(self.value, str) else self.value
        except ValueError as error:
            raise self.refuse(f"Wanted is a JSON object ({error}).") from error
        if not isinstance(value, dict):
            raise self.refuse("Wanted is a JSON object.")
        if problem := find_attributes_problem(value):
            raise self.refuse(problem)
        return value

    def _check_number(self, value: Any) -> float:
        if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse("Wanted is a number, such as 0.5.")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.refuse("Numbers must be finite.")
        return number


def parse_json(text: str) -> Any:
    """The value of a JSON text. Raises `ValueError` with what is wrong, also for NaN and Infinity."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def shorten(value: Any) -> str:
    """The value as a message can show it: what cannot be seen is escaped, what lies deep is left out."""
    shown = _SHORT.repr(
        _UNDECODED.sub("\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else value
    )
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON")
