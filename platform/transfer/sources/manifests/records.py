"""The records of a table, whatever stands between its cells."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from transfer.sources.manifests.lines import MAX_RECORD, Line, Lines

DELIMITERS: Final = (",", ";", "\t", "|")
_MAX_CELL: Final = csv.field_size_limit()
_ENDLESS: Final = (
    "A quote is never closed, or the record is too long: "
    f"a cell has at most {_MAX_CELL:,} characters, a record {MAX_RECORD:,}."
)


@dataclass(frozen=True)
class Record:
    """The cells of a record and the line on which it starts; or a problem, and no cells."""

    line: int
    cells: tuple[str, ...]
    problem: str | None = None


class _Endless(Exception):
    """The record does not end within its limit, or within the file."""


def read_records(lines: Lines, delimiter: str) -> Iterator[Record]:
    """All records but those whose cells are all blank.

    Of a record that does not end, only the first line is lost: the next record is looked for on the next.
    """
    while (taken := take_record(lines, delimiter)) is not None:
        record, consumed = taken
        if record.problem is not None:
            lines.give_back(consumed[1:])
        if record.problem is not None or any(cell.strip() for cell in record.cells):
            yield record


def take_record(lines: Lines, delimiter: str) -> tuple[Record, list[Line]] | None:
    """The next record and the lines that it was read from, for those who want to give them back."""
    consumed: list[Line] = []
    try:
        cells = next(csv.reader(_feed(lines, consumed), delimiter=delimiter), None)
    except (_Endless, csv.Error):
        return Record(consumed[0].number, (), _ENDLESS), consumed
    return None if cells is None else (Record(consumed[0].number, tuple(cells)), consumed)


def _feed(lines: Lines, consumed: list[Line]) -> Iterator[str]:
    size = 0
    while (line := lines.take()) is not None:
        consumed.append(line)
        size += len(line.text)
        if size > MAX_RECORD:
            raise _Endless
        yield line.text
    if consumed:
        raise _Endless
