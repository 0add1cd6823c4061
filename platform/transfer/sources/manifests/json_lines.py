"""Manifests that are JSON Lines: one object a line."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from transfer.errors import LineProblem, RowRefused, SourceRefused
from transfer.sources.manifests.cells import Cell, parse_json, shorten
from transfer.sources.manifests.columns import REQUIRED, Columns, place_columns
from transfer.sources.manifests.lines import MAX_RECORD, Line, Lines
from transfer.sources.manifests.row import ManifestRow, check_row, refuse_row
from transfer.sources.manifests.text import ManifestText

# So many lines without one that looks like a row, and the file is something else.
_PATIENCE: Final = 1000
_TOLD: Final = 100
_SHOWN_KEYS: Final = 5
# Lines of one file mostly have the same keys.
_SHAPES: Final = 64


@dataclass(frozen=True)
class _Read:
    """A row; unfit: why its line is no object with the keys that a manifest needs, whatever they hold."""

    row: ManifestRow
    unfit: str | None = None


def read_objects(text: ManifestText, columns: Mapping[str, str]) -> Iterator[ManifestRow]:
    """The rows. Raises `SourceRefused` where no line is an object with the keys that a manifest needs.

    Where one is, `image` may be left out by others: theirs are products without a photo.
    """
    held: list[_Read] = []
    proven = False
    for read in _read_lines(text, columns):
        if not proven and read.unfit:
            held.append(read)
            if len(held) >= _PATIENCE:
                raise _refuse(held, columns)
            continue
        yield from (one.row for one in held)
        held.clear()
        proven = True
        yield read.row
    if held:
        raise _refuse(held, columns)


def _refuse(held: list[_Read], columns: Mapping[str, str]) -> SourceRefused:
    wanted = " and ".join(repr(columns.get(name, name)) for name in REQUIRED)
    problems = [LineProblem(one.row.line, one.unfit) for one in held[:_TOLD] if one.unfit]
    first = f"Line {problems[0].line}: {problems[0].message}"
    hint = 'Where the keys have other names, say so, as in `"columns": {"sku": "item"}`.'
    return SourceRefused(f"No line is a JSON object with {wanted}. {first} {hint}", problems=problems)


def _read_lines(text: ManifestText, columns: Mapping[str, str]) -> Iterator[_Read]:
    lines = Lines(text)

    @lru_cache(maxsize=_SHAPES)
    def place(keys: tuple[str, ...]) -> Columns:
        return place_columns(keys, columns)

    while (line := lines.take()) is not None:
        if line.text.strip():
            yield _read_line(line, text, columns, place)


def _read_line(
    line: Line,
    text: ManifestText,
    columns: Mapping[str, str],
    place: Callable[[tuple[str, ...]], Columns],
) -> _Read:
    try:
        said = _parse_object(line, text)
    except RowRefused as problem:
        return _Read(refuse_row(line.number, problem, {}), problem.message)
    keys = tuple(said)
    placed = place(keys)
    cells = {name: Cell(keys[index], said[keys[index]]) for name, index in placed.places.items()}
    missing = [columns.get(name, name) for name in placed.missing if name in REQUIRED]
    wrong = [*placed.problems.values(), *(f"There is no {name!r}." for name in missing)]
    if not wrong:
        return _Read(check_row(line.number, cells))
    found = ", ".join(shorten(key) for key in keys[:_SHOWN_KEYS])
    unfit = f"{wrong[0]} Found: {found or 'nothing'}."
    if placed.problems or "sku" in placed.missing:
        return _Read(refuse_row(line.number, RowRefused(unfit, code="row_invalid"), cells), unfit)
    return _Read(check_row(line.number, cells), unfit)


def _parse_object(line: Line, text: ManifestText) -> dict[str, Any]:
    if len(line.text) > MAX_RECORD:
        raise RowRefused(f"The line is longer than {MAX_RECORD:,} characters.", code="row_invalid")
    if damage := text.describe_damage(line.text):
        raise RowRefused(f"The line holds {damage}.", code="row_invalid")
    try:
        value = parse_json(line.text.strip())
    except ValueError as error:
        shown = shorten(line.text.strip())
        raise RowRefused(f"The line is no JSON: {error}. Found: {shown}.", code="row_invalid") from error
    if not isinstance(value, dict):
        raise RowRefused(f"The line is no JSON object. Found: {shorten(value)}.", code="row_invalid")
    return value
