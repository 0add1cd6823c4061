"""Cards as files (TOML or JSON): read strictly, so that a slip is named and not guessed around."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

from inference.cards import (
    INPUT_CONVENTIONS,
    OUTPUT_CONVENTIONS,
    Card,
    Channels,
    DetectorCard,
    EmbedderCard,
    Emission,
    ImageInput,
    InputConvention,
    Interpolation,
    OutputConvention,
    SaliencyRule,
    Triple,
)
from inference.errors import CardInvalid

GREATEST_VALUE = "max"

_NAME = re.compile(r"[a-z0-9_]{1,40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MISSING = object()


def read_card_file(path: Path) -> Card:
    """The card in a `.toml` or `.json` file.

    Raises CardInvalid, naming file and field, when it cannot be read or says something impossible.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise CardInvalid(f"The card {path} cannot be read: {error}") from error
    return parse_card(data, where=str(path))


def parse_card(data: object, *, where: str) -> Card:
    """A card from plain data. `where` is for the message. Raises CardInvalid, naming the field."""
    fields = _Fields(data, where)
    kind = fields.choice("kind", ("detector", "embedder"))
    card = _parse_detector(fields) if kind == "detector" else _parse_embedder(fields)
    fields.finish()
    return card


def _parse_detector(fields: "_Fields") -> DetectorCard:
    card = DetectorCard(
        name=fields.matching("name", _NAME, "lower-case letters, digits and _, at most 40"),
        file=fields.file_name(),
        licence=fields.text("licence"),
        source=fields.text("source"),
        input=_parse_input(fields.section("input")),
        output=fields.text("output"),
        input_convention=cast("InputConvention", fields.choice("input_convention", INPUT_CONVENTIONS)),
        output_convention=cast("OutputConvention", fields.choice("output_convention", OUTPUT_CONVENTIONS)),
        sha256=fields.optional_sha256(),
        labels=fields.texts("labels"),
        saliency=_parse_saliency(fields.section("saliency", required=False)),
    )
    if card.output_convention == "rows" and card.input.batch != 1:
        raise fields.wrong(
            "input.batch", "must be 1 with output_convention rows, which do not say whose they are"
        )
    return card


def _parse_embedder(fields: "_Fields") -> EmbedderCard:
    card = EmbedderCard(
        name=fields.matching("name", _NAME, "lower-case letters, digits and _, at most 40"),
        file=fields.file_name(),
        licence=fields.text("licence"),
        source=fields.text("source"),
        input=_parse_input(fields.section("input")),
        output=fields.text("output"),
        dim=fields.whole("dim", least=2),
        sha256=fields.optional_sha256(),
        emits=cast("Emission", fields.choice("emits", get_args(Emission), "vector")),
        code_threshold=fields.number("code_threshold", 0.0),
    )
    if card.emits == "vector" and card.code_threshold != 0:
        raise fields.wrong("code_threshold", "is only for a card that emits codes")
    return card


def _parse_input(fields: "_Fields") -> ImageInput:
    spec = ImageInput(
        name=fields.text("name"),
        width=fields.whole("width", least=1),
        height=fields.whole("height", least=1),
        mean=fields.triple("mean"),
        std=fields.triple("std"),
        divisor=fields.divisor(),
        channels=cast("Channels", fields.choice("channels", get_args(Channels), "rgb")),
        interpolation=cast("Interpolation", fields.choice("interpolation", get_args(Interpolation), "area")),
        batch=fields.whole("batch", least=1, default=1),
    )
    if min(spec.std) <= 0:
        raise fields.wrong("std", "must be above 0")
    fields.finish()
    return spec


def _parse_saliency(fields: "_Fields") -> SaliencyRule:
    usual = SaliencyRule()
    rule = SaliencyRule(
        peak=fields.share("peak", usual.peak),
        threshold=fields.share("threshold", usual.threshold),
        opening=fields.whole("opening", least=1, default=usual.opening),
        min_area=fields.share("min_area", usual.min_area),
        margin=fields.share("margin", usual.margin),
    )
    fields.finish()
    return rule


class _Fields:
    """Takes fields out of a mapping one by one; `finish` complains of what nobody asked for."""

    def __init__(self, data: object, where: str, prefix: str = "") -> None:
        self._where = where
        self._prefix = prefix
        if not isinstance(data, Mapping):
            raise CardInvalid(f"{where}: {prefix or 'a card'} must be a table of fields.")
        self._left: dict[str, Any] = dict(data)

    def wrong(self, name: str, problem: str) -> CardInvalid:
        return CardInvalid(f"{self._where}: {self._prefix}{name} {problem}.")

    def finish(self) -> None:
        if self._left:
            raise self.wrong(", ".join(sorted(self._left)), "is not a field of this card")

    def take(self, name: str, default: object = _MISSING) -> Any:
        value = self._left.pop(name, default)
        if value is _MISSING:
            raise self.wrong(name, "is missing")
        return value

    def section(self, name: str, *, required: bool = True) -> "_Fields":
        value = self.take(name) if required else self.take(name, {})
        return _Fields(value, self._where, f"{self._prefix}{name}.")

    def text(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(name, "must be a text")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.take(name, ())
        if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
            raise self.wrong(name, "must be a list of texts")
        return tuple(values)

    def matching(self, name: str, pattern: re.Pattern[str], meaning: str) -> str:
        value = self.text(name)
        if not pattern.fullmatch(value):
            raise self.wrong(name, f"must be {meaning}, not {value!r}")
        return value

    def file_name(self) -> str:
        return self.text("file")

    def optional_sha256(self) -> str | None:
        if self._left.get("sha256") is None:
            self._left.pop("sha256", None)
            return None
        return self.matching("sha256", _SHA256, "64 hexadecimal digits in lower case")

    def choice(self, name: str, choices: tuple[str, ...], default: object = _MISSING) -> str:
        value = self.take(name, default)
        if value not in choices:
            raise self.wrong(name, f"must be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    def whole(self, name: str, *, least: int, default: object = _MISSING) -> int:
        value = self.take(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.wrong(name, f"must be a whole number from {least}, not {value!r}")
        return value

    def share(self, name: str, default: float) -> float:
        value = self.take(name, default)
        if not _is_number(value) or not 0 <= value <= 1:
            raise self.wrong(name, f"must be a number from 0 to 1, not {value!r}")
        return float(value)

    def number(self, name: str, default: float) -> float:
        value = self.take(name, default)
        if not _is_number(value):
            raise self.wrong(name, f"must be a number, not {value!r}")
        return float(value)

    def triple(self, name: str) -> Triple:
        values = self.take(name)
        if not isinstance(values, list | tuple) or len(values) != 3 or not all(map(_is_number, values)):  # noqa: PLR2004 - channels
            raise self.wrong(name, f"must be three numbers, not {values!r}")
        return (float(values[0]), float(values[1]), float(values[2]))

    def divisor(self) -> float | None:
        value = self.take("divisor", 255.0)
        if value is None or value == GREATEST_VALUE:
            return None
        if not _is_number(value) or value <= 0:
            raise self.wrong("divisor", f"must be a number above 0, or {GREATEST_VALUE!r}, not {value!r}")
        return float(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
