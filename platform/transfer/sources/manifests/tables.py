"""Manifests that are tables: CSV and TSV."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from transfer.errors import LineProblem, RowRefused, SourceRefused
from transfer.sources.manifests.cells import Cell, shorten
from transfer.sources.manifests.columns import Columns, place_columns
from transfer.sources.manifests.lines import Lines
from transfer.sources.manifests.records import DELIMITERS, Record, read_records, take_record
from transfer.sources.manifests.row import ManifestRow, check_row, refuse_row
from transfer.sources.manifests.text import ManifestText

# The first line that Excel takes for the name of the delimiter.
_SAYS_DELIMITER: Final = re.compile(r"sep=(.)[\r\n]*", re.IGNORECASE)
_BLANK: Final = ' "\r\n' + "".join(DELIMITERS)
_SHOWN_COLUMNS: Final = 20


def read_table(text: ManifestText, columns: Mapping[str, str]) -> Iterator[ManifestRow]:
    """The rows under the header. Raises `SourceRefused` where the header cannot be used."""
    lines = Lines(text)
    delimiter = _find_delimiter(lines, columns)
    records = read_records(lines, delimiter)
    header = next(records, None)
    if header is None:
        raise SourceRefused("The manifest is empty.")
    places = _check_header(header, columns).places
    width = len(header.cells)
    for record in records:
        cells = {
            name: Cell(header.cells[place].strip(), record.cells[place])
            for name, place in places.items()
            if place < len(record.cells)
        }
        problem = _find_problem(record, width) or _find_damage(text, cells)
        yield refuse_row(record.line, problem, cells) if problem else check_row(record.line, cells)


def _find_delimiter(lines: Lines, columns: Mapping[str, str]) -> str:
    """The delimiter that makes most of our columns of the header, or says so itself."""
    while (first := lines.take()) is not None and not first.text.strip(_BLANK):
        pass
    if first is None:
        return DELIMITERS[0]
    if (said := _SAYS_DELIMITER.fullmatch(first.text)) and said.group(1) in DELIMITERS:
        return said.group(1)
    lines.give_back([first])
    return max(DELIMITERS, key=lambda delimiter: _count_columns(lines, delimiter, columns))


def _count_columns(lines: Lines, delimiter: str, columns: Mapping[str, str]) -> tuple[int, int]:
    taken = take_record(lines, delimiter)
    if taken is None:
        return (0, 0)
    record, consumed = taken
    lines.give_back(consumed)
    return (len(place_columns(record.cells, columns).places), len(record.cells))


def _check_header(header: Record, columns: Mapping[str, str]) -> Columns:
    if header.problem:
        raise SourceRefused(f"Line {header.line}: {header.problem}")
    if any(c < " " and not c.isspace() for cell in header.cells for c in cell):
        raise SourceRefused(f"Line {header.line} is not text. A manifest is CSV, TSV or JSON Lines.")
    placed = place_columns(header.cells, columns)
    wrong = [*placed.problems.values(), *(_describe_missing(name, columns) for name in placed.missing)]
    if wrong:
        found = ", ".join(shorten(cell.strip()) for cell in header.cells[:_SHOWN_COLUMNS] if cell.strip())
        hint = 'Say which column holds what, as in `"columns": {"sku": "Item number"}`.'
        raise SourceRefused(
            f"The header on line {header.line} cannot be used. {' '.join(wrong)} Found: {found}. {hint}",
            problems=[LineProblem(header.line, each) for each in wrong],
        )
    return placed


def _describe_missing(name: str, columns: Mapping[str, str]) -> str:
    if name in columns:
        return f"There is no column {shorten(columns[name])} for {name}."
    return f"There is no column for {name}."


def _find_problem(record: Record, width: int) -> RowRefused | None:
    """A row that ends early or late has its values under the wrong names; blanks at the end do no harm."""
    if record.problem:
        return RowRefused(record.problem, code="row_invalid")
    surplus = [cell for cell in record.cells[width:] if cell.strip()]
    if len(record.cells) >= width and not surplus:
        return None
    shown = shorten(surplus[0] if surplus else record.cells[-1])
    return RowRefused(
        f"The row has {len(record.cells)} cells where the header has {width}. Last: {shown}.",
        code="row_invalid",
    )


def _find_damage(text: ManifestText, cells: Mapping[str, Cell]) -> RowRefused | None:
    for cell in cells.values():
        if damage := text.describe_damage(cell.value):
            return cell.refuse(f"Holds {damage}.")
    return None
